"""Alpha and foreground colours: what is needed to put the object before another background without a halo."""

from collections.abc import Iterator

import cv2
import numpy as np

_OPAQUE, _CLEAR = 0.9, 0.1
# Sides of the boxes in pixels, as in the paper, and how much smaller the wide pass is computed.
_WIDE, _NARROW, _SHRINK = 90, 6, 4
_EPSILON = 1e-5
# Sides of the cells that the edge is covered with, pixels; a multiple of _SHRINK.
_CELL = 32

Window = tuple[slice, slice]
"""Rows and columns of a part of a picture."""


def ramp(probability: np.ndarray) -> np.ndarray:
    """Alpha from the network's probability: a ramp from 0 at 0.1 to 1 at 0.9, so that the inside is opaque.

    Args:
        probability: (H, W) float32 in [0, 1].

    Returns:
        (H, W) uint8, 255 is opaque.
    """
    slope = 255 / (_OPAQUE - _CLEAR)
    return _linear(probability, slope, -slope * _CLEAR, cv2.CV_8U)


def foreground(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The object's own colours: the frame's where it is opaque, estimated where the background shines
    through and up to 3 pixels around that, black elsewhere.

    Args:
        image: (H, W, 3) uint8 or uint16 RGB.
        alpha: (H, W) uint8.

    Returns:
        (H, W, 3) like the image.
    """
    result = np.zeros_like(image)
    box = around(alpha)
    if box is not None:
        cv2.copyTo(image[box], (alpha[box] == 255).view(np.uint8), result[box])
    for window, colours in edge_colours(image, alpha):
        cv2.copyTo(colours, (alpha[window] < 255).view(np.uint8), result[window])
    return result


def before_colour(image: np.ndarray, alpha: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """The object, in its own colours, before a background of one colour: (H, W, 3) like the image.

    Args:
        image: (H, W, 3) uint8 or uint16 RGB.
        alpha: (H, W) uint8.
        colour: RGB, in the image's levels.
    """
    result = np.empty_like(image)
    # A row at a time: NumPy sets single pixels ten times as slowly.
    result[0] = colour
    result[1:] = result[0]
    box = around(alpha)
    if box is not None:
        cv2.copyTo(image[box], (alpha[box] == 255).view(np.uint8), result[box])
    shares = (255 - np.arange(256, dtype=np.float32)) / 255
    behind = (shares[:, None] * np.array(colour, np.float32))[:, None]
    for window, colours in edge_colours(image, alpha):
        share = cv2.merge([alpha[window]] * 3)
        before = cv2.multiply(colours, share, scale=1 / 255, dtype=cv2.CV_32F)
        blend = cv2.add(before, cv2.LUT(share, behind), dtype=_depth(image))
        cv2.copyTo(blend, (alpha[window] < 255).view(np.uint8), result[window])
    return result


def before_picture(image: np.ndarray, alpha: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """The object, in its own colours, before another picture: (H, W, 3) uint8.

    Args:
        image: (H, W, 3) uint8 RGB.
        alpha: (H, W) uint8.
        behind: (H, W, 3) uint8 RGB.
    """
    result = behind.copy()
    box = around(alpha)
    if box is not None:
        cv2.copyTo(image[box], (alpha[box] == 255).view(np.uint8), result[box])
    for window, colours in edge_colours(image, alpha):
        share = cv2.merge([alpha[window]] * 3)
        front = cv2.multiply(colours, share, scale=1 / 255, dtype=cv2.CV_32F)
        back = cv2.multiply(behind[window], cv2.bitwise_not(share), scale=1 / 255, dtype=cv2.CV_32F)
        blend = cv2.add(front, back, dtype=cv2.CV_8U)
        cv2.copyTo(blend, (alpha[window] < 255).view(np.uint8), result[window])
    return result


def edge_colours(image: np.ndarray, alpha: np.ndarray) -> Iterator[tuple[Window, np.ndarray]]:
    """Estimates the object's own colours where the background shines through.

    Blur fusion, twice, with a wide and a narrow box (M. Forte, "Approximate Fast Foreground Colour
    Estimation", ICIP 2021): with F and B the means of foreground and background around a pixel, weighted by
    alpha and 1 - alpha, the foreground is F + alpha (I - alpha F - (1 - alpha) B). The wide pass runs at a
    quarter of the size, where it gives the same colours to the eye; the narrow one only in windows that cover
    the object's edge.

    Args:
        image: (H, W, 3) uint8 or uint16 RGB.
        alpha: (H, W) uint8.

    Yields:
        Windows that do not overlap and hold every pixel within 3 of one that is neither opaque nor clear, or
        of an edge between opaque and clear; and the colours there, (h, w, 3) like the image, black farther
        away than that.
    """
    box = around(alpha, _WIDE, _SHRINK)
    if box is None:
        return
    part, share = image[box], alpha[box]
    fore, back = _wide(part, share)
    height, width = share.shape
    for top, bottom, left, right in _edge_windows(share):
        # A margin for the narrow box, in whole pixels of the coarse planes.
        outer = (
            slice(max(top - _SHRINK, 0), min(bottom + _SHRINK, height)),
            slice(max(left - _SHRINK, 0), min(right + _SHRINK, width)),
        )
        near = _floats(share[outer])
        own, behind = _enlarged(fore, outer), _enlarged(back, outer)
        colours, _ = _blur_fusion(part[outer].astype(np.float32), own, behind, near, _NARROW)
        inner = (
            slice(top - outer[0].start, bottom - outer[0].start),
            slice(left - outer[1].start, right - outer[1].start),
        )
        y, x = box[0].start, box[1].start
        yield (
            (slice(y + top, y + bottom), slice(x + left, x + right)),
            _linear(colours[inner], 1, 0, _depth(image)),
        )


def around(alpha: np.ndarray, margin: int = 0, step: int = 1) -> Window | None:
    """Rows and columns of the box around everything that is not clear, with a margin; None where all is
    clear. It starts and ends at multiples of `step`, where the picture does not end before: what is computed
    on a grid in it stays in place when the object moves.
    """
    left, top, width, height = cv2.boundingRect(alpha)
    if width == 0:
        return None
    rows, columns = alpha.shape
    bottom, right = (end + -end % step for end in (top + height + margin, left + width + margin))
    top, left = max(top - margin, 0), max(left - margin, 0)
    return (
        slice(top - top % step, min(bottom, rows)),
        slice(left - left % step, min(right, columns)),
    )


def _wide(image: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The wide pass: foreground and background at a quarter of the size, float32."""
    height, width = alpha.shape
    below, beside = -height % _SHRINK, -width % _SHRINK
    size = ((width + beside) // _SHRINK, (height + below) // _SHRINK)
    coarse, share = (
        cv2.resize(
            cv2.copyMakeBorder(plane, 0, below, 0, beside, cv2.BORDER_REPLICATE)
            if below or beside
            else plane,
            size,
            interpolation=cv2.INTER_AREA,
        )
        for plane in (image, alpha)
    )
    coarse = coarse.astype(np.float32)
    return _blur_fusion(coarse, coarse, coarse, _floats(share), _WIDE // _SHRINK)


def _enlarged(plane: np.ndarray, window: Window) -> np.ndarray:
    """A window of a coarse plane at the full size, bilinear; the window starts at a whole coarse pixel."""
    (top, bottom), (left, right) = ((side.start, side.stop) for side in window)
    first = (max(top // _SHRINK - 1, 0), max(left // _SHRINK - 1, 0))
    last = (-(-bottom // _SHRINK) + 1, -(-right // _SHRINK) + 1)
    part = plane[first[0] : last[0], first[1] : last[1]]
    large = cv2.resize(part, None, fx=_SHRINK, fy=_SHRINK, interpolation=cv2.INTER_LINEAR)
    y, x = top - first[0] * _SHRINK, left - first[1] * _SHRINK
    return large[y : y + bottom - top, x : x + right - left]


def _edge_windows(alpha: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Windows over the edge, (top, bottom, left, right): runs of cells that hold a piece of it."""
    reach = np.ones((_NARROW + 1, _NARROW + 1), np.uint8)
    edge = (cv2.dilate(alpha, reach) > 0) & (cv2.erode(alpha, reach) < 255)
    height, width = alpha.shape
    rows, columns = np.arange(0, height, _CELL), np.arange(0, width, _CELL)
    cells = np.maximum.reduceat(np.maximum.reduceat(edge.view(np.uint8), rows), columns, axis=1)
    for top, row in zip(rows.tolist(), cells, strict=True):
        turns = np.flatnonzero(np.diff(row, prepend=0, append=0)).tolist()
        for first, last in zip(turns[::2], turns[1::2], strict=True):
            yield top, min(top + _CELL, height), first * _CELL, min(last * _CELL, width)


def _depth(image: np.ndarray) -> int:
    return cv2.CV_8U if image.dtype == np.uint8 else cv2.CV_16U


def _floats(alpha: np.ndarray) -> np.ndarray:
    return _linear(alpha, 1 / 255, 0, cv2.CV_32F)


def _linear(plane: np.ndarray, slope: float, offset: float, depth: int = -1) -> np.ndarray:
    """slope * plane + offset in one pass; rounded and held in range where `depth` is of integers."""
    return cv2.addWeighted(plane, slope, plane, 0, offset, dtype=depth)


def _blur_fusion(
    image: np.ndarray, fore: np.ndarray, back: np.ndarray, alpha: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """One pass: the new foreground and the mean background, (h, w, 3) float32."""
    box = (size, size)
    share = cv2.merge([alpha] * 3)
    rest = _linear(share, -1, 1)
    weight = cv2.blur(share, box)
    mean_fore = cv2.blur(cv2.multiply(fore, share), box)
    mean_back = cv2.blur(cv2.multiply(back, rest), box)
    cv2.divide(mean_fore, _linear(weight, 1, _EPSILON), mean_fore)
    cv2.divide(mean_back, _linear(weight, -1, 1 + _EPSILON), mean_back)
    error = cv2.subtract(image, cv2.multiply(share, mean_fore))
    cv2.subtract(error, cv2.multiply(rest, mean_back, rest), error)
    cv2.multiply(error, share, error)
    return cv2.add(mean_fore, error, error), mean_back
