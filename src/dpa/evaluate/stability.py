"""How a mask agrees with the one before it, moved by the flow: how stable, how often another object.

Both are ours, of no paper.
"""

import threading
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dpa.errors import InputError
from dpa.evaluate.masks import Rule, read_prediction
from dpa.evaluate.measures import region_similarity
from dpa.evaluate.pairs import PairedSequence
from dpa.flow.dis import DIS
from dpa.video.images import read_image

#: A mask and its frame, then those of the frame before.
Step = tuple[Path, Path, Path, Path]

CHANGE = 1 / 3
"""Share of the moved mask's area; where more than that differs, the step changed the object."""

_local = threading.local()


class Agreement(NamedTuple):
    """A mask beside the one before, moved.

    Attributes:
        iou: their intersection over union, in [0, 1].
        changed: the pixels that are in one of them alone are more than a third of the moved mask's.
    """

    iou: float
    changed: bool


def steps(sequence: PairedSequence) -> list[Step]:
    """The consecutive frames that both have a mask.

    Raises:
        InputError: the frames are not there, or no two consecutive ones have masks.
    """
    if not sequence.masks:
        raise InputError(f"{sequence.name}: no frames found: --stability needs them, --frames says where")
    found = []
    for (image_before, before), (image, mask) in pairwise(sequence.masks):
        if mask is not None and before is not None:
            found.append((mask, image, before, image_before))
    if not found:
        raise InputError(f"{sequence.name}: --stability needs masks of two consecutive frames at least")
    return found


def measure(step: Step, rule: Rule, resize: bool) -> Agreement:
    """A mask compared with the one before it, warped by the flow between their frames.

    Raises:
        InputError: a file cannot be used, or sizes differ.
    """
    image, image_before = read_image(step[1]), read_image(step[3])
    if image.shape != image_before.shape:
        raise InputError(
            f"{step[1]}: is not of the size of {step[3]}: --stability needs one size in a sequence"
        )
    mask, before = (
        read_prediction(path, rule, frame, image.shape[:2], resize)[0]
        for path, frame in ((step[0], step[1]), (step[2], step[3]))
    )
    return agreement(mask, before, estimator()(image, image_before))


def summarise(steps: list[Agreement]) -> dict[str, float]:
    """The figures of a sequence: mean IoU, and share of the steps that changed the object."""
    return {
        "stability": float(np.mean([step.iou for step in steps])),
        "changes": float(np.mean([step.changed for step in steps])),
    }


def agreement(mask: np.ndarray, before: np.ndarray, flow: np.ndarray) -> Agreement:
    """A mask beside the one before, warped; pixels that come from outside of the frame do not count.

    Args:
        mask, before: (H, W) bool.
        flow: (H, W, 2), pixels, from the mask's frame to the one before.
    """
    height, width = mask.shape
    y, x = np.indices(mask.shape)
    from_x, from_y = (np.rint(grid + flow[..., i]).astype(np.int64) for i, grid in ((0, x), (1, y)))
    known = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    warped = before[from_y.clip(0, height - 1), from_x.clip(0, width - 1)]
    now, moved = mask & known, warped & known
    differing = np.count_nonzero(now ^ moved)
    return Agreement(region_similarity(now, moved), bool(differing > CHANGE * np.count_nonzero(moved)))


def estimator() -> DIS:
    """This thread's own estimator: one serves one call at a time."""
    if not hasattr(_local, "dis"):
        _local.dis = DIS()
    dis: DIS = _local.dis
    return dis


def recipe() -> dict[str, object]:
    """How the flow is made, for the report."""
    return {**DIS().recipe, "direction": "frame t to frame t-1"}
