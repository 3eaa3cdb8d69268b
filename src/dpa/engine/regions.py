"""Regions are decided as a whole: what is nowhere sure does not stand half-transparent beside the object."""

import math
from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np

STRONG = 0.75
"""Probability from which a pixel is surely object; below 1 - STRONG it is surely background."""
# Share of the frame below which a region is a speck. A kite far away is larger.
_SPECK = 1e-4


def decided(probability: np.ndarray, beside: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Turns weak regions over: p becomes 1 - p in them, so that nothing jumps at their border.

    Hysteresis over connected components in space and along the flow. A region above one half is weak where no
    pixel of it is surely object, in this frame or in one beside it; a hole, a region below one half that the
    object encloses, where no pixel is surely background in any of them. Specks are weak. Where no region of
    the frame is strong, all stay: an object of which the network is never sure is better than none.

    Args:
        probability: (h, w) float32 in [0, 1].
        beside: probabilities of the frames beside, moved along the flow to this one, all of one size.

    Returns:
        (h, w) float32 in [0, 1].
    """
    inside = (probability > 0.5).view(np.uint8)
    # Far from the object there is nothing to decide. What is kept of the background around it is no speck.
    box = around(inside, math.ceil(math.sqrt(_SPECK * inside.size)))
    inside, speck = inside[box], _SPECK * inside.size
    weak = _weak(inside, _sure(probability, beside, box, cv2.THRESH_BINARY), 8, speck)
    if weak is None:
        return probability
    cv2.subtract(inside, weak, inside)
    background = _sure(probability, beside, box, cv2.THRESH_BINARY_INV)
    # The picture's border belongs to the background: a region that reaches it is no hole.
    background[[0, -1]] = background[:, [0, -1]] = 1
    holes = _weak(1 - inside, background, 4, speck)
    turned = weak if holes is None else cv2.bitwise_xor(weak, holes)
    if not turned.any():
        return probability
    result = probability.copy()
    cv2.copyTo(1 - probability[box], turned, result[box])
    return result


def around(plane: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns of what is not zero in a plane, (h, w) uint8, and of a margin around it."""
    left, top, width, height = cv2.boundingRect(plane)
    rows = slice(max(top - margin, 0), top + height + margin)
    return rows, slice(max(left - margin, 0), left + width + margin)


def _sure(
    probability: np.ndarray, beside: Sequence[np.ndarray], box: tuple[slice, slice], kind: int
) -> np.ndarray:
    """Pixels of a box, 0 or 1: surely object (THRESH_BINARY) or background (_INV) in any of the frames."""
    above = kind == cv2.THRESH_BINARY
    level, extreme = (STRONG, np.maximum) if above else (1 - STRONG, np.minimum)
    sure = cv2.threshold(probability[box], level, 1, kind)[1].astype(np.uint8)
    if beside:
        moved = cv2.threshold(reduce(extreme, beside), level, 1, kind)[1].astype(np.uint8)
        whole = cv2.resize(moved, probability.shape[::-1], interpolation=cv2.INTER_NEAREST)
        cv2.max(sure, whole[box], sure)
    return sure


def _weak(region: np.ndarray, sure: np.ndarray, connectivity: int, speck: float) -> np.ndarray | None:
    """Pixels of the components of `region` that hold nothing sure or are below `speck` pixels, 0 or 1; None
    where no component is strong.
    """
    # Half the time of the labels that connectedComponents gives by itself, a third of that with statistics.
    count, labels = cv2.connectedComponentsWithAlgorithm(region, connectivity, cv2.CV_16U, cv2.CCL_BBDT)
    strong = np.zeros(count, bool)
    strong[labels[(sure & region).view(bool)]] = True
    if not strong.any():
        return None
    areas = cv2.calcHist([labels], [0], None, [count], [0, count]).ravel()  # a column before OpenCV 5
    strong &= areas >= speck
    strong[0] = True
    if strong.all():
        return np.zeros_like(region)
    return np.take((~strong).view(np.uint8), labels)
