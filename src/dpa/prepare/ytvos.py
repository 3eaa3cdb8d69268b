"""YouTube-VOS, train (Xu et al., ECCV 2018): every fifth frame is annotated, objects merged."""

from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.masks import Objects
from dpa.prepare.records import Options, Part, make_clip, match, orphan_problems
from dpa.video.images import IMAGE_SUFFIXES

_IMAGES, _MASKS = "JPEGImages", "Annotations"


def convert(archive: Archive, options: Options) -> list[Part]:
    """The annotated frames of train, flat.

    Where the frames between them are there too (train_all_frames), the flow is that to the true next frame.

    Raises:
        InputError: train is not there.
    """
    every = next((p for p in archive.places(_IMAGES) if _last(p) == "train_all_frames"), None)
    for place in archive.places(_IMAGES, _MASKS):
        # The other splits have these two folders as well, and masks of first frames alone.
        if _last(place) in ("train", "train.zip", ""):
            part = _part(archive, place, every)
            if part.clips:
                return [part]
    raise archive.missing(f"train/{_IMAGES}/VIDEO with pictures and train/{_MASKS}/VIDEO beside it")


def _part(archive: Archive, place: str, every: str | None) -> Part:
    name, clips, problems = "YTVOS_train", [], []
    for video in archive.folders(join(place, _IMAGES)):
        images = archive.files(join(place, _IMAGES, video), IMAGE_SUFFIXES)
        masks = archive.files(join(place, _MASKS, video), IMAGE_SUFFIXES)
        if not images or not masks:
            continue
        if every is not None:
            images = _with_all(images, archive.files(join(every, _IMAGES, video), IMAGE_SUFFIXES))
        pairs, orphans = match(images, masks)
        problems += orphan_problems(orphans)
        clips.append(make_clip(name, video, images, pairs, Objects(), "annotated"))
    return Part(name, place, tuple(clips), problems=tuple(problems))


def _last(place: str) -> str:
    return place.rsplit("/", 1)[-1]


def _with_all(images: list[Member], every: list[Member]) -> list[Member]:
    """All frames in the order of their names; an annotated one as the main archive has it."""
    stems = {image.stem: image for image in [*every, *images]}
    return [stems[stem] for stem in sorted(stems)]
