"""Video salient object detection: DAVSOD (Fan et al., CVPR 2019) and ViSal (Wang et al., TIP 2015).

Both lie as a folder a video with a folder of frames and one of masks in it: that is DAVSOD's own structure
(`Easy-35/select_0001/{Imgs,GT_object_level}`; its five zips are DAVSOD-TrainingSet, DAVSOD-ValidationSet,
Easy-35, Normal-25 and Difficult-20), and the one in which its authors' benchmark keeps the older sets.
ViSal's masks may also lie beside its videos, as `GT/VIDEO/*.png`.
"""

from collections.abc import Callable, Iterator

from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.masks import Above
from dpa.prepare.records import (
    Clip,
    Film,
    Options,
    Part,
    check_distinct,
    make_clip,
    match,
    orphan_problems,
)
from dpa.video.images import IMAGE_SUFFIXES

_FRAMES = ("Imgs", "imgs", "Frame", "frames", "images", "RGB")
_MASKS = ("GT_object_level", "GT", "gt", "ground-truth", "GroundTruth")
# The parts of DAVSOD by the beginning of their folders' names, in lower case.
_DAVSOD = {
    "train": "DAVSOD_train",
    "valid": "DAVSOD_validation",
    "easy": "DAVSOD_easy",
    "normal": "DAVSOD_normal",
    "difficult": "DAVSOD_difficult",
}


def convert_davsod(archive: Archive, options: Options) -> list[Part]:
    """Each of DAVSOD's parts that is there; its test sets are Easy-35, Normal-25 and Difficult-20.

    Raises:
        InputError: no videos with masks are there.
    """
    name = archive.path.name
    what = "Easy-35/VIDEO/Imgs with GT_object_level beside it"
    return _parts(archive, options, lambda at: _davsod_part(join(name, at)), what)


def convert_visal(archive: Archive, options: Options) -> list[Part]:
    """ViSal, each video in a folder.

    Raises:
        InputError: no videos with masks are there.
    """
    what = "VIDEO/ with a folder of frames and one of masks, or VIDEO/*.jpg with GT/VIDEO/*.png"
    return _parts(archive, options, lambda at: "ViSal_test", what)


def _davsod_part(at: str) -> str | None:
    for folder in reversed(at.lower().split("/")):
        for word, name in _DAVSOD.items():
            if folder.removeprefix("davsod").lstrip("-_ ").startswith(word):
                return name
    return None


def _parts(archive: Archive, options: Options, part_of: Callable[[str], str | None], what: str) -> list[Part]:
    clips: dict[str, list[Clip | Film]] = {}
    problems: dict[str, list[str]] = {}
    for at, images, masks in _videos(archive):
        name, video = part_of(at), at.rsplit("/", 1)[-1]
        if name is None:
            continue
        pairs, orphans = match(images, masks)
        problems.setdefault(name, []).extend(orphan_problems(orphans))
        clip = make_clip(join(name, video), video, images, pairs, Above(), options.frames or "all")
        clips.setdefault(name, []).append(clip)
    if not clips:
        raise archive.missing(what)
    for name, found in clips.items():
        check_distinct([clip.folder for clip in found], name)
    return [Part(name, "", tuple(found), problems=tuple(problems[name])) for name, found in clips.items()]


def _videos(archive: Archive) -> Iterator[tuple[str, list[Member], list[Member]]]:
    """Each video's folder, its frames and its masks."""
    for at in sorted(archive.all_folders()):
        if at.rsplit("/", 1)[-1] in (*_FRAMES, *_MASKS):
            continue
        images = _first(archive, [join(at, frames) for frames in _FRAMES]) or archive.files(
            at, IMAGE_SUFFIXES
        )
        around, _, video = at.rpartition("/")
        beside = [join(around, masks, video) for masks in _MASKS] if around else []
        masks = _first(archive, [*(join(at, masks) for masks in _MASKS), *beside])
        if images and masks:
            yield at, images, masks


def _first(archive: Archive, folders: list[str]) -> list[Member]:
    """Pictures of the first of these folders that has any."""
    return next((found for f in folders if (found := archive.files(f, IMAGE_SUFFIXES))), [])
