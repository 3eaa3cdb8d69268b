"""Data sets on disk, in the layout of the method's own release.

Flat: `ROOT/{RGB,GT,FLOW}/bear_00000.*`, several sequences told apart by their names.
Per sequence: `ROOT/SEQUENCE/{RGB,GT,FLOW}/*`. Stills: flat, every picture on its own.
Pictures, masks and flow pictures belong together when their file names agree up to the suffix.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dpa.errors import InputError
from dpa.video.images import IMAGE_SUFFIXES

IMAGES, MASKS, FLOWS = "RGB", "GT", "FLOW"

_NUMBERED = re.compile(r"(?:(?P<group>.*)_)?(?P<number>\d+)", re.DOTALL)


Still = tuple[Path, Path]
"""A picture and its mask."""


@dataclass(frozen=True)
class Sequence:
    """One video of a data set; the three tuples have one entry a frame, in order.

    Attributes:
        name: of the video.
        images: the frames.
        masks: None where a frame is not annotated.
        flows: None where a frame has no flow picture yet.
    """

    name: str
    images: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    flows: tuple[Path | None, ...]


def is_dataset(root: Path) -> bool:
    """Whether a folder has one of the layouts: `ROOT/RGB` or some `ROOT/SEQUENCE/RGB`."""
    return root.is_dir() and (is_flat(root) or bool(_sequence_folders(root)))


def is_flat(root: Path) -> bool:
    """Whether the pictures lie in `ROOT/RGB`."""
    return (root / IMAGES).is_dir()


def find_sequences(root: str | Path, *, masks: bool = False, flows: bool = False) -> list[Sequence]:
    """The videos of a data set, flat or per sequence, by name.

    In the flat layout a video is all the pictures whose names agree but for a last `_` and digits:
    `rollerblade_fast_00001.jpg` is a frame of `rollerblade_fast`. A folder that is one sequence is read too.

    Args:
        root: the data set's folder, or one sequence's.
        masks: every frame must have a mask.
        flows: every frame must have a flow picture.

    Raises:
        InputError: names what is missing: the folder, its pictures, a required mask or flow picture, or the
            frame to a mask; or two files of one name.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    sequences = (
        _flat(root) if is_flat(root) else [s for f in _sequence_folders(root) for s in _flat(f, f.name)]
    )
    if not sequences:
        raise InputError(f"{root}: not a data set: neither {IMAGES}/ nor SEQUENCE/{IMAGES}/ is in it")
    for sequence in sequences:
        if masks:
            _require(sequence.images, sequence.masks, MASKS, "mask")
        if flows:
            _require(sequence.images, sequence.flows, FLOWS, "flow picture (make them with `dpa flow`)")
    return sequences


def find_stills(root: str | Path) -> list[Still]:
    """The stills of `ROOT/RGB` with their masks of `ROOT/GT`, by name.

    Raises:
        InputError: names the folder, picture or mask that is missing.
    """
    root = Path(root)
    images = _pictures(root / IMAGES)
    found = _pictures(root / MASKS)
    _no_orphans(found, images, root / MASKS)
    stills = [(images[stem], found.get(stem)) for stem in sorted(images)]
    _require([image for image, _ in stills], [mask for _, mask in stills], MASKS, "mask")
    return [(image, mask) for image, mask in stills if mask is not None]


def _sequence_folders(root: Path) -> list[Path]:
    return sorted(f for f in root.iterdir() if not f.name.startswith(".") and (f / IMAGES).is_dir())


def _flat(folder: Path, name: str | None = None) -> list[Sequence]:
    """The sequences of one folder with RGB/ in it: all one sequence if it is given a name."""
    images = _pictures(folder / IMAGES)
    others = []
    for kind in (MASKS, FLOWS):
        # Empty folders are what a run leaves that was broken off before its first picture.
        present = _pictures(folder / kind, required=False)
        _no_orphans(present, images, folder / kind)
        others.append(present)
    masks, flows = others
    groups: dict[str, list[tuple[int, str]]] = {}
    for stem in images:
        group, number = _split(stem)
        groups.setdefault(name or group or folder.resolve().name, []).append((number, stem))
    return [
        Sequence(
            group,
            tuple(images[stem] for _, stem in sorted(members)),
            tuple(masks.get(stem) for _, stem in sorted(members)),
            tuple(flows.get(stem) for _, stem in sorted(members)),
        )
        for group, members in sorted(groups.items())
    ]


def _split(stem: str) -> tuple[str, int]:
    """`("bear", 7)` from `bear_00007`, `("", 7)` from `00007`, `("bear", -1)` from `bear`."""
    match = _NUMBERED.fullmatch(stem)
    return (match["group"] or "", int(match["number"])) if match else (stem, -1)


def _pictures(folder: Path, *, required: bool = True) -> dict[str, Path]:
    """The pictures of a folder by their stems; hidden files and others are passed over."""
    if not folder.is_dir():
        if not required:
            return {}
        raise InputError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if path.stem in found:
            raise InputError(f"{path} and {found[path.stem].name}: two pictures of one name; remove one")
        found[path.stem] = path
    if required and not found:
        raise InputError(f"{folder}: no pictures in it")
    return found


def _no_orphans(found: Iterable[str], images: dict[str, Path], folder: Path) -> None:
    for stem in found:
        if stem not in images:
            raise InputError(f"{folder / stem}: no picture {stem} in {folder.parent / IMAGES} belongs to it")


def _require(images: Iterable[Path], others: Iterable[Path | None], kind: str, what: str) -> None:
    for image, other in zip(images, others, strict=True):
        if other is None:
            raise InputError(f"{image.parent.parent / kind / image.stem}: {image.name} has no {what}")
