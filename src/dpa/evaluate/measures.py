"""Region similarity J and boundary accuracy F of two masks (Perazzi et al., CVPR 2016)."""

import math

import cv2
import numpy as np

from dpa.arrays import Binary

TOLERANCE = 0.008
"""Share of the diagonal within which boundaries count as matched."""

_SMALL = 12  # pixels: up to here OpenCV's dilation is the quicker way, measured on DAVIS masks
_WINDOW = np.ones((2, 2), np.uint8)


def region_similarity(prediction: Binary, ground_truth: Binary) -> float:
    """J: intersection over union, in [0, 1]; 1 where both masks are empty.

    Args:
        prediction, ground_truth: (H, W) bool.
    """
    both = np.count_nonzero(prediction & ground_truth)
    union = np.count_nonzero(prediction) + np.count_nonzero(ground_truth) - both
    return both / union if union else 1.0


def box_of(mask: Binary) -> np.ndarray:
    """The largest of the boxes around a mask's connected regions, (H, W) bool; none of an empty mask."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    box = np.zeros(mask.shape, bool)
    if count > 1:
        left, top, width, height, _ = max(stats[1:], key=lambda one: one[2] * one[3])
        box[top : top + height, left : left + width] = True
    return box


def boundary_accuracy(prediction: Binary, ground_truth: Binary) -> float:
    """F: harmonic mean of the boundaries' precision and recall, in [0, 1].

    A boundary pixel is matched if the other boundary comes within `tolerance` pixels of it (a disk). Where
    one mask has no boundary F is 0, where neither has, 1.

    Args:
        prediction, ground_truth: (H, W) bool.
    """
    box = _box_of_both(prediction, ground_truth)
    ours, theirs = boundary(prediction[box]), boundary(ground_truth[box])
    of_ours, of_theirs = (np.count_nonzero(edge.view(bool)) for edge in (ours, theirs))
    if not of_ours or not of_theirs:
        return float(of_ours == of_theirs)
    reach = tolerance(prediction.shape[0], prediction.shape[1])
    precision = _matched(ours, theirs, reach) / of_ours
    recall = _matched(theirs, ours, reach) / of_theirs
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def tolerance(height: int, width: int) -> int:
    """How far apart matching boundaries may lie in a frame of this size: ceil(0.008 * diagonal) pixels."""
    return math.ceil(TOLERANCE * math.sqrt(height * height + width * width))


def boundary(mask: Binary) -> Binary:
    """Pixels that differ from the one to the right, below, or right below: (H, W) bool -> (H, W) uint8.

    The mask goes on beyond the picture's border, where there is no boundary.
    """
    # In each window of 2 x 2 pixels, its largest value less its least.
    return cv2.morphologyEx(
        mask.view(np.uint8), cv2.MORPH_GRADIENT, _WINDOW, anchor=(0, 0), borderType=cv2.BORDER_REPLICATE
    )


def _box_of_both(prediction: Binary, ground_truth: Binary) -> tuple[slice, slice]:
    """The part of the frame that holds both masks and a pixel around them: all boundary is in it."""
    left, top, width, height = cv2.boundingRect((prediction | ground_truth).view(np.uint8))
    return slice(max(0, top - 1), top + height + 1), slice(max(0, left - 1), left + width + 1)


def _matched(pixels: np.ndarray, others: np.ndarray, reach: int) -> int:
    """How many pixels of a boundary have one of the other's within a disk x^2 + y^2 <= reach^2.

    A small disk is dilated. For a large one the same count comes at a cost that grows with the disk's height
    and not with its area: the disk is a stack of row stretches, and a stretch holds a pixel where the running
    count along the row differs between its two ends. All in integers.

    Args:
        pixels, others: (H, W) uint8, 0 or 1.
        reach: at least 1.
    """
    if reach <= _SMALL:
        y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        disk = (x * x + y * y <= reach * reach).astype(np.uint8)
        return int(np.count_nonzero((pixels & cv2.dilate(others, disk)).view(bool)))
    height, width = others.shape
    rows = slice(reach, reach + height)
    counts = np.zeros((height + 2 * reach, width + 2 * reach + 1), np.int32)
    np.cumsum(others, axis=1, out=counts[rows, reach + 1 : reach + 1 + width])
    counts[rows, reach + 1 + width :] = counts[rows, reach + width, None]
    flat, stride = counts.ravel(), counts.shape[1]
    y, x = np.nonzero(pixels.view(bool))
    lonely = (y + reach) * stride + x + reach
    # Nearest rows first: most pixels are matched there, and are not looked at again.
    for step in sorted(range(-reach, reach + 1), key=abs):
        half = math.isqrt(reach * reach - step * step)
        row = lonely + step * stride
        lonely = lonely[flat[row + half + 1] == flat[row - half]]
    return int(y.size - lonely.size)
