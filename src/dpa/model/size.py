"""The resolution at which the network works. No torch here: the engine's base installation uses it."""

import math

import cv2
import numpy as np

MULTIPLE = 32
_LEAST = 64  # pixels of a side


def working_size(frame: tuple[int, int], size: int, keep_aspect: bool) -> tuple[int, int]:
    """(H, W) of the network's input for a frame.

    Args:
        frame: (H, W) of the frame.
        size: side of the square, pixels.
        keep_aspect: about the same area at the frame's own aspect ratio; else the square (paper).

    Returns:
        Multiples of 32, at least 64. A very long frame is squeezed, to at most twice the area.
    """
    if not keep_aspect:
        side = max(_LEAST, round(size / MULTIPLE) * MULTIPLE)
        return side, side
    h, w = frame
    scale = size / (h * w) ** 0.5
    longest = 2 * size**2 / _LEAST
    tall, wide = (max(_LEAST, round(min(n * scale, longest) / MULTIPLE) * MULTIPLE) for n in (h, w))
    return tall, wide


def fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (H, W) or (H, W, C) to `size`, by area where it shrinks, linearly where it grows."""
    if image.shape[:2] == size:
        return image
    shrinks = image.shape[0] * image.shape[1] > size[0] * size[1]
    if shrinks:
        image = _by_whole_number(image, size)
    return cv2.resize(
        image, (size[1], size[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def _by_whole_number(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A large picture, 4K say, by whole pixels first, to twice the size at least: half the time."""
    height, width = image.shape[:2]
    most, common = min(height // size[0], width // size[1]) // 2, math.gcd(height, width)
    side = max(n for n in range(1, max(most, 1) + 1) if common % n == 0)
    if side == 1:
        return image
    return cv2.resize(image, (width // side, height // side), interpolation=cv2.INTER_AREA)
