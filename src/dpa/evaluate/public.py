"""The public sets: where their annotations lie as unpacked, and how many the published set has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dpa.datasets.lists import listed_videos
from dpa.evaluate.pairs import PairedSequence
from dpa.evaluate.protocols import Protocol

# By protocol: folders of annotations, and lists of the sequences that are tested.
_PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "davis16": (("Annotations/480p",), ("ImageSets/480p/val.txt", "ImageSets/2016/val.txt")),
    "davis17-unsupervised-merged": (
        ("Annotations_unsupervised/480p", "Annotations/480p"),
        ("ImageSets/2017/val.txt",),
    ),
    "longvideos": (("Annotations",), ()),
}


@dataclass(frozen=True)
class Published:
    """A test set as its authors published it.

    Attributes:
        name: for people.
        sequences, frames: how many; `frames` are annotated ones. None where sources differ.
    """

    name: str
    sequences: int
    frames: int | None = None


# DAVIS: davischallenge.org. FBMS-59: lmb.informatik.uni-freiburg.de. YouTube-Objects: masks of Jain and
# Grauman, ECCV 2014. Long-Videos: Liang et al., NeurIPS 2020. ViSal: Wang et al., TIP 2015. SegTrack v2: Li
# et al., ICCV 2013.
PUBLISHED = {
    "davis16": Published("DAVIS-2016 val", 20, 1376),
    "davis17-unsupervised-merged": Published("DAVIS-2017 val", 30, 1999),
    "fbms": Published("FBMS-59 test", 30, 720),
    "ytobj": Published("YouTube-Objects", 126),
    "longvideos": Published("Long-Videos", 3, 60),
    "visal": Published("ViSal", 17, 193),
    "segtrack-v2": Published("SegTrack v2", 14),
}


def find_annotations(root: Path, protocol: Protocol) -> tuple[Path, list[str] | None]:
    """The folder of annotations in a public set's folder, and the sequences that its list names for the test.

    Returns:
        `root` itself where it is no public set's, and None where all sequences count.

    Raises:
        InputError: the list cannot be read.
    """
    folders, lists = _PLACES.get(protocol.name, ((), ()))
    for folder in folders:
        if (root / folder).is_dir():
            files = [root / name for name in lists if (root / name).is_file()]
            return root / folder, listed_videos(files[0]) if files else None
    return root, None


def variant(sequences: Sequence[PairedSequence], protocol: Protocol) -> tuple[str, bool]:
    """What the annotations are taken for, in a line, and whether they are as many as were published."""
    # The protocol's first and last frames are annotated too.
    ends = 2 * len(sequences) if protocol.skip_ends else 0
    count, frames = len(sequences), sum(len(one.pairs) for one in sequences) + ends
    found = f"{count} sequences, {frames:,} annotated frames"
    known = PUBLISHED.get(protocol.name)
    if known is None:
        return found, True
    if count == known.sequences and known.frames in (None, frames):
        return f"{known.name}: {found}", True
    wanted = f"{known.sequences} sequences" + (f", {known.frames:,} frames" if known.frames else "")
    return f"{found}; {known.name} as published has {wanted}: not to be compared with figures of it", False
