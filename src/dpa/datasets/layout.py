"""Data sets on disk, in the layout of the method's own release.

Flat: `ROOT/{RGB,GT,FLOW}/bear_00000.*`, several sequences told apart by their names.
Per sequence: `ROOT/SEQUENCE/{RGB,GT,FLOW}/*`. Stills: flat, every picture on its own.
Pictures, masks and flow pictures belong together when their file names agree up to the suffix.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dpa.datasets.naming import by_sequence
from dpa.errors import InputError
from dpa.video.listing import by_stem, list_pictures, natural_key

IMAGES, MASKS, FLOWS = "RGB", "GT", "FLOW"

Still = tuple[Path, Path]
"""A picture and its mask."""


@dataclass(frozen=True)
class Sequence:
    """One video of a data set; the three tuples have one entry a frame, in order.

    Attributes:
        name: of the video; may have a "/" in it.
        images: the frames.
        masks: None where a frame is not annotated, or where masks were not looked for.
        flows: None where a frame has no flow picture yet.
        problem: why it cannot be read, as far as the folder's listing tells.

    Example:
        >>> Sequence("bear", (Path("RGB/bear_0.jpg"),), (None,), (None,)).images[0].name
        'bear_0.jpg'
    """

    name: str
    images: tuple[Path, ...] = ()
    masks: tuple[Path | None, ...] = ()
    flows: tuple[Path | None, ...] = ()
    problem: str = ""


def is_dataset(root: Path) -> bool:
    """Whether a folder has one of the layouts: `ROOT/RGB` or some `ROOT/SEQUENCE/RGB`.

    Example:
        >>> is_dataset(Path("VIDEOS")), is_dataset(Path("masks"))
        (True, False)
    """
    return root.is_dir() and (is_flat(root) or bool(_sequence_folders(root)))


def is_flat(root: Path) -> bool:
    """Whether the pictures lie in `ROOT/RGB`."""
    return (root / IMAGES).is_dir()


def find_sequences(root: str | Path, *, masks: bool = False, flows: bool = False) -> list[Sequence]:
    """The videos of a data set, flat or per sequence, by name and their frames in natural order.

    In the flat layout names tell the videos apart, see `dpa.datasets.naming.by_sequence`. A folder that is
    one sequence is read too.

    Args:
        root: the data set's folder, or one sequence's.
        masks: every frame must have a mask.
        flows: every frame must have a flow picture.

    Raises:
        InputError: names what is missing: the folder, its pictures, a required mask or flow picture, or the
            frame to a mask; or two files of one name.

    Example:
        >>> [(video.name, len(video.images)) for video in find_sequences("VIDEOS", masks=True)]
        [('bear', 4), ('cow', 4)]
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

    Example:
        >>> image, mask = find_stills("STILLS")[0]
        >>> image.as_posix(), mask.as_posix()
        ('STILLS/RGB/0.png', 'STILLS/GT/0.png')
    """
    root = Path(root)
    images = _pictures(root / IMAGES)
    found = _pictures(root / MASKS)
    _no_orphans(found, images, root / MASKS)
    stills = [(image, found.get(stem)) for stem, image in images.items()]
    _require([image for image, _ in stills], [mask for _, mask in stills], MASKS, "mask")
    return [(image, mask) for image, mask in stills if mask is not None]


def find_still_flows(root: str | Path, stills: Iterable[Still]) -> list[Path | None]:
    """The flow pictures of `ROOT/FLOW` that belong to stills, made as FakeFlow's; None where none is.

    Raises:
        InputError: two of one name, or one that belongs to no picture.
    """
    folder, images = Path(root) / FLOWS, {image.stem: image for image, _ in stills}
    found = _pictures(folder, required=False)
    _no_orphans(found, images, folder)
    return [found.get(stem) for stem in images]


def _sequence_folders(root: Path) -> list[Path]:
    found = (f for f in root.iterdir() if not f.name.startswith(".") and (f / IMAGES).is_dir())
    return sorted(found, key=natural_key)


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
    groups = {name: list(images)} if name else by_sequence(images, folder.resolve().name)
    return [
        Sequence(
            group,
            tuple(images[stem] for stem in stems),
            tuple(masks.get(stem) for stem in stems),
            tuple(flows.get(stem) for stem in stems),
        )
        for group, stems in sorted(groups.items(), key=lambda item: natural_key(item[0]))
    ]


def _pictures(folder: Path, *, required: bool = True) -> dict[str, Path]:
    """The pictures of a folder by their stems."""
    if not required and not folder.is_dir():
        return {}
    found = by_stem(list_pictures(folder))
    if required and not found:
        raise InputError(f"{folder}: no pictures in it")
    return found


def _no_orphans(found: dict[str, Path], images: dict[str, Path], folder: Path) -> None:
    for stem, path in found.items():
        if stem not in images:
            raise InputError(f"{path}: no picture {stem} in {folder.parent / IMAGES} belongs to it")


def _require(images: Iterable[Path], others: Iterable[Path | None], kind: str, what: str) -> None:
    for image, other in zip(images, others, strict=True):
        if other is None:
            raise InputError(f"{image.parent.parent / kind / image.stem}: {image.name} has no {what}")
