"""DAVIS 2016 (Perazzi et al., CVPR 2016) and 2017 trainval (Pont-Tuset et al., 2017), 480p."""

from dpa.errors import InputError
from dpa.prepare.archive import Archive, join
from dpa.prepare.masks import Objects
from dpa.prepare.records import (
    Keep,
    Options,
    Part,
    make_clip,
    match,
    orphan_problems,
    unmasked_problems,
)
from dpa.video.images import IMAGE_SUFFIXES

_IMAGES = "JPEGImages/480p"
# Annotations of 2017's unsupervised track mark with 255 what is to be ignored.
_MASKS = {"Annotations/480p": Objects(), "Annotations_unsupervised/480p": Objects(void=255)}
# 2016's own archive names its lists after the resolution, 2017's has those of both years.
_LISTS = {2016: ("ImageSets/480p", "ImageSets/2016"), 2017: ("ImageSets/2017",)}


def convert(archive: Archive, options: Options) -> list[Part]:
    """The train sequences flat, the val sequences each in a folder.

    Raises:
        InputError: pictures, annotations or the year's lists are not there, or a listed sequence is not.
    """
    year = options.year or 2016
    prefix = "DAVIS" if year == 2016 else f"DAVIS{year}"
    for lists in _LISTS[year]:
        for masks in _MASKS:
            for place in archive.places(_IMAGES, masks, lists)[:1]:
                return [
                    _part(archive, place, masks, lists, split, f"{prefix}_{name}")
                    for split, name in (("train", "train"), ("val", "test"))
                ]
    names = " or ".join(f"{lists}/train.txt" for lists in _LISTS[year])
    raise archive.missing(f"{_IMAGES} with Annotations/480p and {names} beside it (--year {year})")


def _part(archive: Archive, place: str, masks: str, lists: str, split: str, name: str) -> Part:
    keep: Keep = "annotated" if split == "train" else "all"
    clips, problems = [], []
    for sequence in _listed(archive, join(place, lists), split):
        images = archive.files(join(place, _IMAGES, sequence), IMAGE_SUFFIXES)
        if not images:
            at = join(place, _IMAGES, sequence)
            raise InputError(f"{archive.path}: {split}.txt lists {sequence}, but {at} is not there or empty")
        pairs, orphans = match(images, archive.files(join(place, masks, sequence), IMAGE_SUFFIXES))
        problems += [*unmasked_problems(images, pairs), *orphan_problems(orphans)]
        folder = name if split == "train" else join(name, sequence)
        clips.append(make_clip(folder, sequence, images, pairs, _MASKS[masks], keep))
    return Part(name, place, tuple(clips), problems=tuple(problems))


def _listed(archive: Archive, lists: str, split: str) -> list[str]:
    """Sequences of a list: a name a line, or `/JPEGImages/480p/bear/00000.jpg /Annotations/...` (2016)."""
    files = [file for file in archive.files(lists) if file.name == f"{split}.txt"]
    if not files:
        raise InputError(f"{archive.path}: {join(lists, split)}.txt is not there")
    lines = files[0].read().decode("utf-8", "replace").split("\n")
    words = [line.split()[0] for line in lines if line.strip()]
    return list(dict.fromkeys(word.split("/")[-2] if "/" in word else word for word in words))
