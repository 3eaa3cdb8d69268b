"""Run-length encoding of masks as the COCO data set stores it.

Runs of 0 and 1 in turn, down the columns, starting with 0; from the third run on the difference to the run
two before; each number in groups of five bits, lowest first, with a sixth bit for "more follows", as
characters from "0" on. This is the format of pycocotools, which reads it (T.-Y. Lin and P. Dollar, maskApi.c,
rleToString).
"""

from typing import TypedDict

import numpy as np

from dpa.arrays import Binary

_FIRST = 48
_GROUPS = 7


class RLE(TypedDict):
    """A mask in COCO's form: size is [H, W]."""

    size: list[int]
    counts: str


def encode(mask: Binary) -> RLE:
    """Encodes (H, W) bool as {"size": [H, W], "counts": str}."""
    height, width = mask.shape
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    if len(edges) and edges[-1] != mask.size:
        edges = np.append(edges, mask.size)
    runs = np.diff(edges, prepend=0) if len(edges) else np.array([mask.size])
    return {"size": [height, width], "counts": _to_string(runs)}


def _to_string(runs: np.ndarray) -> str:
    numbers = runs.astype(np.int64)
    numbers[3:] -= runs[1:-2]
    # Seven groups hold 35 bits, more than any picture has pixels.
    groups = (numbers[:, None] >> (5 * np.arange(_GROUPS))) & 31
    rest = numbers[:, None] >> (5 * np.arange(1, _GROUPS + 1))
    more = ~(((rest == 0) & (groups < 16)) | ((rest == -1) & (groups >= 16)))
    used = np.concatenate(
        [np.ones((len(numbers), 1), bool), np.logical_and.accumulate(more, axis=1)[:, :-1]], axis=1
    )
    return bytes((groups + 32 * more + _FIRST)[used].astype(np.uint8)).decode("ascii")
