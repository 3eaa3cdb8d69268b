"""The region under a click: what is to go out of the mask, or to come into it."""

import cv2
import numpy as np

from dpa.arrays import Binary, Image, Probability
from dpa.errors import InputError

# Share of the frame's diagonal around a click in which a region is looked for: fingers are wide.
_NEAR = 0.02
# Of the probability at the click, which a region has at least; below the least of these it says nothing.
_SHARE, _LEAST = 0.5, 0.1
# Shares of the frame: of regions that may be added.
_SMALLEST, _LARGEST = 2e-4, 0.25
# Steps of colour (OpenCV's Lab of 8 bits) that a region of one colour spans.
_COLOURS = 14


def to_remove(mask: Binary, x: float, y: float) -> Binary:
    """The component of a mask under a point, or the nearest one beside it.

    Args:
        mask: (h, w).
        x, y: from 0 to 1, of the width and the height.

    Returns:
        (h, w), with a rim of one pixel, which no other component can be in.

    Raises:
        InputError: the mask is not there.
    """
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    row, column = _place(mask.shape, x, y)
    label = labels[row, column]
    if label == 0:
        label = _nearest(labels, row, column)
    if label == 0:
        raise InputError("there is nothing of the object there: click on what is to go")
    return with_rim(labels == label)


def to_add(probability: Probability, mask: Binary, image: Image, x: float, y: float) -> Binary:
    """What lies under a point outside a mask: where the network half sees something that, else one colour.

    Args:
        probability: (h, w) float32 in [0, 1].
        mask: (h, w).
        image: (h, w, 3) uint8 RGB, the frame at that size.
        x, y: from 0 to 1, of the width and the height.

    Returns:
        (h, w), outside the mask.

    Raises:
        InputError: it is the object already, or nothing there has an end.
    """
    row, column = _place(mask.shape, x, y)
    if mask[row, column]:
        raise InputError("that is the object already: click on what is to come in")
    level = float(probability[row, column])
    regions = []
    if level >= _LEAST:
        _, labels = cv2.connectedComponents(((probability >= _SHARE * level) & ~mask).astype(np.uint8))
        regions.append(labels == labels[row, column])
    regions.append(_of_one_colour(image, mask, row, column))
    for region in regions:
        if _SMALLEST * mask.size <= region.sum() <= _LARGEST * mask.size:
            return region
    raise InputError("nothing there stands apart from what is around it: click on another place")


def with_rim(region: Binary, width: int = 1) -> Binary:
    """A region, wider by some pixels."""
    reach = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return cv2.dilate(region.astype(np.uint8), reach) > 0


def _of_one_colour(image: Image, mask: Binary, row: int, column: int) -> Binary:
    smooth = cv2.bilateralFilter(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), 7, 30, 5)
    walls = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    walls[1:-1, 1:-1] = mask
    span = (2 * _COLOURS, _COLOURS, _COLOURS)
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (2 << 8)
    cv2.floodFill(smooth, walls, (column, row), 0, span, span, flags)
    filled = (walls[1:-1, 1:-1] == 2).astype(np.uint8)
    closed = cv2.morphologyEx(filled, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    return closed & ~mask


def _place(size: tuple[int, ...], x: float, y: float) -> tuple[int, int]:
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(f"a place in the frame is given from 0 to 1, not as {x}, {y}")
    h, w = size
    return min(int(y * h), h - 1), min(int(x * w), w - 1)


def _nearest(labels: np.ndarray, row: int, column: int) -> int:
    rows, columns = np.nonzero(labels)
    if not len(rows):
        return 0
    away = np.hypot(rows - row, columns - column)
    at = int(away.argmin())
    return int(labels[rows[at], columns[at]]) if away[at] <= _NEAR * np.hypot(*labels.shape) else 0
