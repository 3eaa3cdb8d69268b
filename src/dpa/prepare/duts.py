"""DUTS (Wang et al., CVPR 2017): stills of salient objects; the paper's stage 1 trains on DUTS-TR."""

from dpa.prepare.archive import Archive, join
from dpa.prepare.masks import Above, Rule
from dpa.prepare.records import Clip, Entry, Options, Part, orphan_problems, unmasked_problems
from dpa.video.images import IMAGE_SUFFIXES

_PARTS = {"DUTS-TR": "DUTS_train", "DUTS-TE": "DUTS_test"}


def convert(archive: Archive, options: Options) -> list[Part]:
    """DUTS-TR and DUTS-TE, those that are there.

    Raises:
        InputError: neither is there.
    """
    parts = []
    for split, name in _PARTS.items():
        images, masks = f"{split}-Image", f"{split}-Mask"
        for place in archive.places(images, masks)[:1]:
            parts.append(stills(archive, join(place, images), join(place, masks), name, Above()))
    if not parts:
        raise archive.missing("DUTS-TR-Image with DUTS-TR-Mask beside it, or the same of DUTS-TE,")
    return parts


def stills(archive: Archive, images: str, masks: str, name: str, rule: Rule) -> Part:
    """A folder of pictures and one of masks, which belong together by their names without suffix."""
    pictures = archive.files(images, IMAGE_SUFFIXES)
    by_stem = {mask.stem: mask for mask in archive.files(masks, IMAGE_SUFFIXES)}
    pairs = {picture: by_stem.pop(picture.stem) for picture in pictures if picture.stem in by_stem}
    entries = [Entry(picture.stem, picture, mask) for picture, mask in pairs.items()]
    return Part(
        name,
        images,
        (Clip(name, tuple(entries), rule),),
        stills=True,
        problems=(*unmasked_problems(pictures, pairs), *orphan_problems(list(by_stem.values()))),
    )
