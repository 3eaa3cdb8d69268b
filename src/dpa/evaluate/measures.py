"""Region similarity J and boundary accuracy F of two masks (Perazzi et al., CVPR 2016)."""

import math

import cv2
import numpy as np

TOLERANCE = 0.008
"""Share of the diagonal within which boundaries count as matched."""


def region_similarity(found: np.ndarray, truth: np.ndarray) -> float:
    """J: intersection over union, in [0, 1]; 1 where both masks are empty.

    Args:
        found, truth: (H, W) bool.
    """
    union = np.count_nonzero(found | truth)
    return np.count_nonzero(found & truth) / union if union else 1.0


def boundary_accuracy(found: np.ndarray, truth: np.ndarray) -> float:
    """F: harmonic mean of the boundaries' precision and recall, in [0, 1].

    A boundary pixel is matched if the other boundary comes within ceil(0.008 * diagonal) pixels of it (a
    disk). Where one mask has no boundary F is 0, where neither has, 1.

    Args:
        found, truth: (H, W) bool.
    """
    ours, theirs = boundary(found), boundary(truth)
    of_ours, of_theirs = np.count_nonzero(ours), np.count_nonzero(theirs)
    if not of_ours or not of_theirs:
        return float(of_ours == of_theirs)
    disk = _disk(math.ceil(TOLERANCE * math.hypot(*found.shape)))
    precision = np.count_nonzero(ours & cv2.dilate(theirs, disk)) / of_ours
    recall = np.count_nonzero(theirs & cv2.dilate(ours, disk)) / of_theirs
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from the one to the right, below, or right below: (H, W) bool -> (H, W) uint8.

    The mask goes on beyond the picture's border, where there is no boundary.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, across = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return ((mask != right) | (mask != below) | (mask != across)).astype(np.uint8)


def _disk(radius: int) -> np.ndarray:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)
