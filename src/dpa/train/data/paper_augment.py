"""The paper's own augmentation (METHOD: "Training"), step by step; `augment` is ours."""

import cv2
import numpy as np
from PIL import Image, ImageEnhance

from dpa.train.data.augment import AugmentSettings, View

MIDDLE = 512
"""Side of the square that every picture goes to before the batch's size."""


def paper_augment(
    view: View, size: tuple[int, int], rng: np.random.Generator, settings: AugmentSettings
) -> View:
    """A random view of a view.

    Args:
        view: at any size.
        size: (H, W) of the result.
        rng: decides everything.
        settings: `flip`, `border`, `rotate`, `angle` and the four enhancement factors count.

    Returns:
        The mask is soft, 0 to 255: it goes through every resize as the picture does.
    """
    kinds = [view.image, view.mask] + ([view.flow] if view.flow is not None else [])
    pictures = [Image.fromarray(part) for part in kinds]
    if rng.random() < settings.flip:
        pictures = [p.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for p in pictures]
    box = _centred(pictures[0].size, rng, settings.border)
    pictures = [p.crop(box) for p in pictures]
    if rng.random() < settings.rotate:
        turn = int(rng.integers(-int(settings.angle), int(settings.angle)))
        pictures = [p.rotate(turn, Image.Resampling.BICUBIC) for p in pictures]
    pictures[0] = _enhanced(pictures[0], rng, settings)
    height, width = size
    found = []
    for p in pictures:
        square = p.resize((MIDDLE, MIDDLE), Image.Resampling.BILINEAR)
        found.append(_bicubic(np.asarray(square), (width, height)))
    return View(*found)


def _centred(size: tuple[int, int], rng: np.random.Generator, border: int) -> tuple[int, int, int, int]:
    """A box in the middle, 0 to `border` pixels in all narrower, and as much or less lower."""
    first, last = [], []
    for side in size:
        taken = int(rng.integers(0, min(border, side // 2) + 1))
        first.append(taken // 2)
        last.append(taken // 2 + side - taken)
    return first[0], first[1], last[0], last[1]


def _enhanced(picture: Image.Image, rng: np.random.Generator, settings: AugmentSettings) -> Image.Image:
    """Factors in steps of a tenth, both ends of the range among them."""
    for enhancer, (low, high) in (
        (ImageEnhance.Brightness, settings.brightness),
        (ImageEnhance.Contrast, settings.contrast),
        (ImageEnhance.Color, settings.colour),
        (ImageEnhance.Sharpness, settings.sharpness),
    ):
        factor = int(rng.integers(round(10 * low), round(10 * high) + 1)) / 10
        picture = enhancer(picture).enhance(factor)
    return picture


def _bicubic(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[1::-1] == size:
        return picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
