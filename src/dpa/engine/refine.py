"""The object's edge at the frame's own resolution, with the frame as guide."""

from collections.abc import Iterator

import cv2
import numpy as np

from dpa.engine.regions import around

# The guided filter works on a grid of about this many rows (or columns, of an upright frame), and in boxes of
# so many of the grid's pixels. Measured on DAVIS: larger boxes join thin parts, smaller ones follow less.
_LINES, _BOX = 100, 7
_EPSILON = np.float32(1e-5)
# Weight of the probability itself beside the filter's answer: where colours say nothing, the edge stays.
_OWN = 0.25
# How much steeper alpha is than the filter's answer, and half the width of its soft edge, share of the frame.
_STEEP, _SOFT = 3.0, 1 / 270
# Sides of the cells that the band is covered with, pixels of the grid.
_CELL = 8


def refined(probability: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Alpha whose edge lies where the frame's colours change.

    In a band around the level of one half, the fast guided filter in colour (K. He and J. Sun, arXiv
    1505.00996): in every box of a coarse grid the probability is fitted as a linear function of the frame's
    colour, and the mean of the functions is applied to the frame's own pixels; its answer is mixed with the
    probability. What is above one half then is the object; alpha is opaque inside and clear outside, and soft
    by a few pixels at its border.

    Args:
        probability: (h, w) float32 in [0, 1], at any size.
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) uint8, 255 is opaque; the mask is where it is above 127.
    """
    height, width = image.shape[:2]
    step = max(1, round(min(height, width) / _LINES))
    size = (-(-width // step), -(-height // step))
    coarse = _sampled(probability, size, (step / width, step / height))
    inside = (coarse > 0.5).view(np.uint8) * np.uint8(255)
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_BOX, _BOX))
    band = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, reach, borderType=cv2.BORDER_REPLICATE)
    if not band.any():
        return np.full((height, width), inside[0, 0])
    alpha = np.zeros((height, width), np.uint8)
    # Where there is no object there is nothing to do. Two means reach one box far together.
    rows, columns = around(inside | band, _BOX)
    there = tuple(slice(side.start * step, side.stop * step) for side in (rows, columns))
    part, band = alpha[there], band[rows, columns]
    _fill(part, inside[rows, columns], coarse[rows, columns], band, image[there], step)
    _soften(part, max(1, round(min(height, width) * _SOFT)))
    return alpha


def _fill(
    alpha: np.ndarray, inside: np.ndarray, coarse: np.ndarray, band: np.ndarray, image: np.ndarray, step: int
) -> None:
    """Fills alpha, (h, w) uint8: as the grid says inside and outside, as colours say in the band."""
    size = band.shape[::-1]
    large = (size[0] * step, size[1] * step)
    height, width = alpha.shape
    alpha[:] = cv2.resize(inside, large, interpolation=cv2.INTER_NEAREST)[:height, :width]
    # Without the grid's steps, which would show where the answer comes to the end of the band.
    _, near = cv2.threshold(cv2.resize(band, large), 127, 255, cv2.THRESH_BINARY)
    near = near[:height, :width]
    functions = _functions(_on_grid(image, size, step), coarse)
    for window in _windows(band):
        top, bottom, left, right = (side * step for side in window)
        part = alpha[top:bottom, left:right]
        fitted = _applied(functions, window, step, image[top:bottom, left:right])
        cv2.copyTo(fitted, near[top:bottom, left:right], part)


def _sampled(plane: np.ndarray, size: tuple[int, int], step: tuple[float, float]) -> np.ndarray:
    """A plane at the centres of the grid's pixels, `step` of its own width and height apart."""
    x, y = plane.shape[1] * step[0], plane.shape[0] * step[1]
    places = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, places, size, flags=how, borderMode=cv2.BORDER_REPLICATE)


def _on_grid(image: np.ndarray, size: tuple[int, int], step: int) -> np.ndarray:
    """The frame on the grid, float32 in [0, 1]; a pixel that reaches out of it is like the one before."""
    w, h = image.shape[1] // step, image.shape[0] // step
    small = cv2.resize(image[: h * step, : w * step], (w, h), interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 0, size[1] - h, 0, size[0] - w, cv2.BORDER_REPLICATE)
    return small * np.float32(1 / 255)


def _functions(image: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Linear functions of colour at every pixel of the grid, (h, w, 4): the guided filter's a and b, mixed
    with the target.
    """

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.blur(plane, (_BOX, _BOX), borderType=cv2.BORDER_REPLICATE)

    r, g, b = cv2.split(image)
    mr, mg, mb, mt = mean(r), mean(g), mean(b), mean(target)
    rr, gg, bb = (mean(c * c) - m * m + _EPSILON for c, m in ((r, mr), (g, mg), (b, mb)))
    rg, rb, gb = mean(r * g) - mr * mg, mean(r * b) - mr * mb, mean(g * b) - mg * mb
    tr, tg, tb = (mean(c * target) - m * mt for c, m in ((r, mr), (g, mg), (b, mb)))
    # Solved by elimination, whose pivots are never below epsilon. Where the colours vary together, in grey
    # scenes say, a determinant in float32 is nothing but rounding.
    g_r, b_r = rg / rr, rb / rr
    gg, gb = np.maximum(gg - g_r * rg, _EPSILON), gb - g_r * rb
    b_g = gb / gg
    bb = np.maximum(bb - b_r * rb - b_g * gb, _EPSILON)
    tg = tg - g_r * tr
    ab = (tb - b_r * tr - b_g * tg) / bb
    ag = tg / gg - b_g * ab
    ar = tr / rr - g_r * ag - b_r * ab
    functions = mean(cv2.merge([ar, ag, ab, mt - ar * mr - ag * mg - ab * mb]))
    functions[:, :, 3] += _OWN * target
    return functions / (1 + _OWN)


def _applied(
    functions: np.ndarray, window: tuple[int, int, int, int], step: int, image: np.ndarray
) -> np.ndarray:
    """Functions of a window of the grid applied to the frame there: steep alpha, (h, w) uint8."""
    top, bottom, left, right = window
    outer = functions[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
    large = cv2.resize(outer, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
    y, x = (top - max(top - 1, 0)) * step, (left - max(left - 1, 0)) * step
    h, w = image.shape[:2]
    four = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    # The fourth channel is 255 everywhere: it takes b.
    product = cv2.multiply(large[y : y + h, x : x + w], four, dtype=cv2.CV_32F)
    steep = np.array([[_STEEP] * 4 + [255 * (1 - _STEEP) / 2]], np.float32)
    fitted = cv2.transform(product, steep)
    return cv2.addWeighted(fitted, 1, fitted, 0, 0, dtype=cv2.CV_8U)


def _soften(alpha: np.ndarray, half: int) -> None:
    """Opaque inside, clear outside: keeps alpha between two smooth steps on both sides of its border."""
    part = alpha[around(alpha, 2 * half)]
    reach = np.ones((2 * half + 1, 2 * half + 1), np.uint8)
    _, mask = cv2.threshold(part, 127, 255, cv2.THRESH_BINARY)
    for move, keep in ((cv2.erode, cv2.max), (cv2.dilate, cv2.min)):
        bound = move(mask, reach, borderType=cv2.BORDER_REPLICATE)
        keep(part, cv2.blur(bound, reach.shape), part)


def _windows(band: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Windows over the band, runs of cells that hold a piece: (top, bottom, left, right) on the grid."""
    height, width = band.shape
    rows, columns = np.arange(0, height, _CELL), np.arange(0, width, _CELL)
    cells = np.maximum.reduceat(np.maximum.reduceat(band, rows), columns, axis=1) > 0
    # Where a run of cells begins and where it ends, by turns.
    turns = np.argwhere(np.diff(cells.view(np.int8), axis=1, prepend=0, append=0))
    for (row, first), (_, last) in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
        top = row * _CELL
        yield top, min(top + _CELL, height), first * _CELL, min(last * _CELL, width)
