"""Long-Videos (Liang et al., NeurIPS 2020): three videos of thousands of frames, a few of them annotated."""

from dpa.prepare.archive import Archive, join
from dpa.prepare.masks import Objects
from dpa.prepare.records import Options, Part, make_clip, match, orphan_problems
from dpa.video.images import IMAGE_SUFFIXES

_IMAGES, _MASKS = "JPEGImages", "Annotations"


def convert(archive: Archive, options: Options) -> list[Part]:
    """Each video in a folder, objects merged.

    Raises:
        InputError: no videos with annotations are there.
    """
    name, clips, problems = "LongVideos_test", [], []
    for place in archive.places(_IMAGES, _MASKS):
        for video in archive.folders(join(place, _IMAGES)):
            images = archive.files(join(place, _IMAGES, video), IMAGE_SUFFIXES)
            masks = archive.files(join(place, _MASKS, video), IMAGE_SUFFIXES)
            if not images or not masks:
                continue
            pairs, orphans = match(images, masks)
            problems += orphan_problems(orphans)
            clip = make_clip(join(name, video), video, images, pairs, Objects(), options.frames or "all")
            clips.append(clip)
        if clips:
            return [Part(name, place, tuple(clips), problems=tuple(problems))]
    raise archive.missing(f"{_IMAGES}/VIDEO with pictures and {_MASKS}/VIDEO beside it")
