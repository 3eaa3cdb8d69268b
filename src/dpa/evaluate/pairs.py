"""Which mask belongs to which annotation: folders of sequences, and all that does not fit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dpa.datasets.classes import class_of
from dpa.datasets.layout import FLOWS, IMAGES, MASKS
from dpa.datasets.naming import by_sequence, split_name
from dpa.errors import InputError
from dpa.evaluate.protocols import Protocol
from dpa.video.listing import by_stem, list_pictures, natural_key


@dataclass(frozen=True)
class Pair:
    """One annotated frame: its name, its annotation, its mask, and the frame itself if it is there."""

    name: str
    ground_truth: Path
    mask: Path
    image: Path | None


@dataclass(frozen=True)
class PairedSequence:
    """One video.

    Attributes:
        name: of the annotation's folder.
        group: its class, in a protocol that has classes; else "".
        pairs: the frames that may be scored, in order.
        masks: all frames in order, each with its mask, if it has one; empty where the frames are not known.
    """

    name: str
    group: str
    pairs: tuple[Pair, ...]
    masks: tuple[tuple[Path, Path | None], ...]


@dataclass(frozen=True)
class _Folder:
    """One sequence: its pictures by their names without suffix, in order, and its frames if they are near."""

    path: Path
    pictures: dict[str, Path]
    images: dict[str, Path] | None


@dataclass(frozen=True)
class _Sequences:
    """The sequences in a folder; `single` if the folder is one."""

    root: Path
    single: bool
    sequences: dict[str, _Folder]


def find_pairs(
    masks: str | Path,
    ground_truth: str | Path,
    protocol: Protocol,
    frames: str | Path | None = None,
    only: Iterable[str] | None = None,
) -> list[PairedSequence]:
    """Pair masks with annotations, by sequence and by frame.

    Frames belong together when their names agree up to the suffix; where no name of a sequence does, when
    their last numbers do (`00012.png` and `bear_00012.png`).

    Args:
        masks, ground_truth: a folder of sequences, `SEQ/*.png` or `SEQ/GT/*.png` (also `CLASS/SEQ/*.png`),
            a folder `GT/` with several sequences told apart by name, or one sequence.
        protocol: says which frames count.
        frames: the videos' frames, laid out likewise; None looks for `RGB/` beside `GT/`.
        only: names of the annotated sequences that count; None for all.

    Raises:
        InputError: names the folder, sequence or frame that is missing or should not be there.
    """
    by_name = protocol.by_sequence or not protocol.saliency
    ours, theirs = (_find(Path(root), MASKS, by_name) for root in (masks, ground_truth))
    if only is not None:
        theirs = _only(theirs, list(only))
    images = None if frames is None else _find(Path(frames), IMAGES, by_name)
    if ours.single and theirs.single:
        name, own = next(iter(theirs.sequences)), next(iter(ours.sequences.values()))
        return [_pair(name, own, theirs.sequences[name], protocol, _frames(name, theirs, images))]
    _check_names(ours, theirs)
    return [
        _pair(name, ours.sequences[name], folder, protocol, _frames(name, theirs, images))
        for name, folder in theirs.sequences.items()
    ]


def find_cutouts(folder: Path, sequences: Sequence[PairedSequence]) -> list[list[Path]]:
    """The cut-outs of each sequence's scored masks, from a folder that is laid out like the masks'.

    Raises:
        InputError: the folder, a sequence's cut-outs, or one of them is not there.
    """
    found = _find(folder, MASKS, by_name=True)
    if found.single and len(sequences) == 1:
        return [_cutouts(next(iter(found.sequences.values())), sequences[0])]
    for sequence in sequences:
        if sequence.name not in found.sequences:
            raise InputError(
                f"{folder}: no cut-outs of sequence {sequence.name}: "
                "--ghosts wants a folder that is laid out like the masks"
            )
    return [_cutouts(found.sequences[sequence.name], sequence) for sequence in sequences]


def _cutouts(folder: _Folder, sequence: PairedSequence) -> list[Path]:
    names = [pair.mask.stem for pair in sequence.pairs]
    partners = _match(names, folder.pictures)
    for name in names:
        if name not in partners:
            raise InputError(f"{folder.path}: no cut-out of frame {name}: --ghosts wants one for every mask")
    return [folder.pictures[partners[name]] for name in names]


def _only(found: _Sequences, names: list[str]) -> _Sequences:
    missing = [name for name in names if name not in found.sequences]
    if missing:
        raise InputError(f"{found.root}: no annotations of {_list(missing)}, which the set's list names")
    return _Sequences(found.root, found.single, {name: found.sequences[name] for name in names})


def _find(root: Path, kind: str, by_name: bool) -> _Sequences:
    """The sequences of a folder; `kind` is the folder's name in which a sequence's pictures may lie."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    if (root / kind).is_dir():
        return _one_or_flat(root, root / kind, root / IMAGES, by_name)
    own, sequences = _pictures(root), dict(_below(root, kind, depth=2))
    if own and sequences:
        first = next(iter(sequences))
        raise InputError(f"{root}: holds pictures, and folders of pictures ({first}): keep one sort in it")
    if sequences:
        return _Sequences(root, False, sequences)
    if not own:
        raise InputError(f"{root}: no pictures in it, nor SEQUENCE/*.png, nor SEQUENCE/{kind}/*.png")
    return _one_or_flat(root, root, root.parent / IMAGES if root.name == kind else None, by_name)


def _one_or_flat(root: Path, place: Path, images: Path | None, by_name: bool) -> _Sequences:
    """A folder of pictures: one sequence, or several whose names all have a group and a number."""
    pictures = _pictures(place)
    if not pictures:
        raise InputError(f"{place}: no pictures in it")
    shown = _pictures(images) if images is not None and images.is_dir() else None
    full = root.resolve()
    name = full.parent.name if full.name in (MASKS, IMAGES) else full.name
    groups = by_sequence(pictures, name) if by_name else {name: list(pictures)}
    if len(groups) == 1:
        # In a data set's folder the frames' names say what the sequence is called, as they do of several.
        only = next(iter(groups)) if place != root else name
        return _Sequences(root, True, {only: _Folder(place, pictures, shown)})
    frames = by_sequence(shown or (), name)
    parts = {
        group: _Folder(
            place,
            {stem: pictures[stem] for stem in groups[group]},
            {stem: shown[stem] for stem in frames.get(group, ())} if shown else None,
        )
        for group in sorted(groups, key=natural_key)
    }
    return _Sequences(root, False, parts)


def _below(root: Path, kind: str, depth: int, prefix: str = "") -> Iterator[tuple[str, _Folder]]:
    others = {IMAGES, FLOWS, MASKS} - {kind}
    for folder in sorted(root.iterdir(), key=natural_key):
        if not folder.is_dir() or folder.name.startswith(".") or folder.name in others:
            continue
        place = folder / kind if (folder / kind).is_dir() else folder
        pictures, images = _pictures(place), folder / IMAGES
        if pictures:
            shown = _pictures(images) if images.is_dir() else None
            yield prefix + folder.name, _Folder(place, pictures, shown)
        elif place == folder and depth > 1:
            yield from _below(folder, kind, depth - 1, f"{prefix}{folder.name}/")


def _pictures(folder: Path) -> dict[str, Path]:
    return by_stem(list_pictures(folder))


def _check_names(ours: _Sequences, theirs: _Sequences) -> None:
    for name, folder in ours.sequences.items():
        if name not in theirs.sequences:
            raise InputError(
                f"{folder.path}: unknown sequence {name}: {theirs.root} has {_list(theirs.sequences)}; to "
                "score one sequence give both folders of that one"
            )
    for name in theirs.sequences:
        if name not in ours.sequences:
            raise InputError(
                f"{ours.root}: no masks of sequence {name}, which {theirs.root} has: a mean needs all of them"
            )


def _pair(
    name: str, mine: _Folder, theirs: _Folder, protocol: Protocol, images: dict[str, Path] | None
) -> PairedSequence:
    group = class_of(name, protocol.classes)
    if protocol.classes and group is None:
        classes = ", ".join(protocol.classes)
        raise InputError(f"{theirs.path}: {name} begins with no class of {protocol.name}: {classes}")
    partners = _match(theirs.pictures, mine.pictures)
    for stem, path in theirs.pictures.items():
        if stem not in partners:
            raise InputError(f"{mine.path}: no mask of frame {stem}, whose annotation is {path}")
    of_ground_truth, of_mask = (_match(folder.pictures, images or {}) for folder in (theirs, mine))
    used = set(partners.values())
    for stem, path in mine.pictures.items():
        if stem not in used and not protocol.annotated_only:
            raise InputError(f"{path}: no annotation of sequence {name} belongs to this mask")
        if stem not in used and images and stem not in of_mask:
            raise InputError(f"{path}: no frame of sequence {name} belongs to this mask")
    shown = {stem: (images or {})[image] for stem, image in of_ground_truth.items()}
    pairs = [
        Pair(stem, path, mine.pictures[partners[stem]], shown.get(stem))
        for stem, path in theirs.pictures.items()
    ]
    if protocol.skip_ends and len(pairs) < 3:
        raise InputError(f"{theirs.path}: {protocol.name} scores no first or last frame, so it needs three")
    masks = {image: mine.pictures[stem] for stem, image in of_mask.items()}
    return PairedSequence(
        name,
        group or "",
        tuple(pairs[1:-1] if protocol.skip_ends else pairs),
        tuple((path, masks.get(stem)) for stem, path in (images or {}).items()),
    )


def _match(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Which of the others belongs to each name, where one does."""
    names, others = list(names), set(others)
    same = {name: name for name in names if name in others}
    if same:
        return same
    numbers = {split_name(other)[1]: other for other in others}
    wanted = {name: split_name(name)[1] for name in names}
    if -1 in numbers or len(numbers) < len(others) or len(set(wanted.values())) < len(names):
        return {}
    return {name: numbers[number] for name, number in wanted.items() if number in numbers}


def _frames(name: str, ground_truth: _Sequences, given: _Sequences | None) -> dict[str, Path] | None:
    """The frames of a sequence by name; None where they are not known."""
    if given is None:
        return ground_truth.sequences[name].images
    if given.single and ground_truth.single:
        return next(iter(given.sequences.values())).pictures
    if name not in given.sequences:
        raise InputError(f"{given.root}: no frames of sequence {name}")
    return given.sequences[name].pictures


def _list(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
