"""Augmentation of one picture, its mask and its flow picture (METHOD: "Training")."""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageEnhance

LEAST_LEFT = 0.3
"""Share of a picture that stays at least where its object leaves it."""


@dataclass(frozen=True)
class View:
    """One training picture.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        mask: (H, W) uint8, 0 or 255.
        flow: (H, W, 3) uint8, the flow picture; None if it is made from the mask later.
    """

    image: np.ndarray
    mask: np.ndarray
    flow: np.ndarray | None = None


@dataclass
class AugmentSettings:
    """How pictures are changed.

    Attributes:
        paper: as the paper does it, see `paper_augment`: without `crop`, `leave`, `grey`, `blur`, `hues`.
        flip: probability of a horizontal flip.
        border: pixels that are cut off each side at most; of the paper's centred crop, off width and height
            in all.
        crop: share of each side that a further random crop may take away, for objects of many sizes.
        rotate: probability of a rotation.
        angle: degrees it turns at most, either way.
        brightness, contrast, colour, sharpness: ranges of Pillow's enhancement factors.
        leave: probability of a crop through the object, so that it leaves the picture at one side.
        grey: probability of a grey picture: the object is to be found by form and motion too.
        blur: probability of motion blur, of the whole picture or of the object.
        hues: probability of a flow picture whose colour channels change places, as if all moved another way.
    """

    paper: bool = False
    flip: float = 0.5
    border: int = 30
    crop: float = 0.0
    rotate: float = 0.2
    angle: float = 15.0
    brightness: tuple[float, float] = (0.5, 1.5)
    contrast: tuple[float, float] = (0.5, 1.5)
    colour: tuple[float, float] = (0.0, 2.0)
    sharpness: tuple[float, float] = (0.0, 3.0)
    leave: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    hues: float = 0.0


def augment(view: View, size: tuple[int, int], rng: np.random.Generator, settings: AugmentSettings) -> View:
    """A random view of a view.

    Args:
        view: at any size.
        size: (H, W) of the result.
        rng: decides everything.
        settings: see `AugmentSettings`.
    """
    parts = [view.image, view.mask] + ([view.flow] if view.flow is not None else [])
    if rng.random() < settings.flip:
        parts = [p[:, ::-1] for p in parts]
    leaves = settings.leave and rng.random() < settings.leave
    parts = _leave(parts, rng) if leaves else _crop(parts, rng, settings)
    if rng.random() < settings.rotate:
        parts = _rotate(parts, float(rng.uniform(-settings.angle, settings.angle)))
    h, w = size
    shrinks = parts[0].shape[0] * parts[0].shape[1] > h * w
    smooth = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    image = _enhance(cv2.resize(np.ascontiguousarray(parts[0]), (w, h), interpolation=smooth), rng, settings)
    mask = cv2.resize(np.ascontiguousarray(parts[1]), (w, h), interpolation=smooth)
    mask = np.where(mask > 127, np.uint8(255), np.uint8(0))
    if settings.blur and rng.random() < settings.blur:
        image = _motion_blur(image, mask, rng)
    if len(parts) == 2:
        return View(image, mask)
    flow = cv2.resize(np.ascontiguousarray(parts[2]), (w, h), interpolation=smooth)
    if settings.hues and rng.random() < settings.hues:
        flow = flow[..., rng.permutation(3)]
    return View(image, mask, flow)


def _crop(parts: list[np.ndarray], rng: np.random.Generator, settings: AugmentSettings) -> list[np.ndarray]:
    h, w = parts[0].shape[:2]
    top, bottom = (int(rng.integers(0, min(settings.border, h // 4) + 1)) for _ in range(2))
    left, right = (int(rng.integers(0, min(settings.border, w // 4) + 1)) for _ in range(2))
    share = rng.uniform(0, settings.crop)
    take_y, take_x = int((h - top - bottom) * share), int((w - left - right) * share)
    y, x = top + int(rng.integers(0, take_y + 1)), left + int(rng.integers(0, take_x + 1))
    height, width = h - top - bottom - take_y, w - left - right - take_x
    cropped = [p[y : y + height, x : x + width] for p in parts]
    # A crop that loses most of the object would teach that it is not there.
    whole, kept = int(np.count_nonzero(parts[1])), int(np.count_nonzero(cropped[1]))
    return cropped if kept >= 0.6 * whole else parts


def _leave(parts: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Cut through the object: 10 to 60 % of its box stay, at one side of the picture.

    The side is the one at which the most of the picture stays; where that is under `LEAST_LEFT` the picture
    stays as it is.
    """
    if not parts[1].any():
        return parts
    h, w = parts[1].shape
    x, y, bw, bh = cv2.boundingRect(np.ascontiguousarray(parts[1]))
    share = rng.uniform(0.1, 0.6)
    stays_x, stays_y = max(1, round(share * bw)), max(1, round(share * bh))
    # Rows and columns that stay, where the object leaves to the left, the right, the top, the bottom.
    windows = [
        (0, h, x + bw - stays_x, w),
        (0, h, 0, x + stays_x),
        (y + bh - stays_y, h, 0, w),
        (0, y + stays_y, 0, w),
    ]
    area = [(bottom - top) * (right - left) for top, bottom, left, right in windows]
    k = int(np.argmax(area))
    kept = area[k] / (h * w)
    if kept < LEAST_LEFT:
        return parts
    top, bottom, left, right = windows[k]
    other = max(kept, 0.5)  # of the other side as much, for like proportions
    ys, xs = np.nonzero(parts[1][top:bottom, left:right])
    one = int(rng.integers(len(ys)))  # a point of the object that stays in any case
    if k < 2:
        top, bottom = _window(h, round(other * h), top + int(ys[one]), rng)
    else:
        left, right = _window(w, round(other * w), left + int(xs[one]), rng)
    return [p[top:bottom, left:right] for p in parts]


def _window(length: int, size: int, place: int, rng: np.random.Generator) -> tuple[int, int]:
    """A random window of `size` in [0, length) with a place in it."""
    first = int(rng.integers(max(0, place - size + 1), min(length - size, place) + 1))
    return first, first + size


def _rotate(parts: list[np.ndarray], angle: float) -> list[np.ndarray]:
    h, w = parts[0].shape[:2]
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
    return [cv2.warpAffine(np.ascontiguousarray(p), turn, (w, h), flags=cv2.INTER_LINEAR) for p in parts]


def _enhance(image: np.ndarray, rng: np.random.Generator, settings: AugmentSettings) -> np.ndarray:
    picture = Image.fromarray(image)
    for enhancer, (low, high) in (
        (ImageEnhance.Brightness, settings.brightness),
        (ImageEnhance.Contrast, settings.contrast),
        (ImageEnhance.Color, settings.colour),
        (ImageEnhance.Sharpness, settings.sharpness),
    ):
        if low != high:
            picture = enhancer(picture).enhance(float(rng.uniform(low, high)))
    if rng.random() < settings.grey:
        picture = picture.convert("L").convert("RGB")
    return np.asarray(picture)


def _motion_blur(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smear along a random direction by 1 to 5 % of the longer side."""
    length = max(3, round(rng.uniform(0.01, 0.05) * max(mask.shape)))
    angle = rng.uniform(0, np.pi)
    half = length * np.array([np.cos(angle), np.sin(angle)]) / 2
    centre = length // 2 + 1
    kernel = np.zeros((2 * centre + 1, 2 * centre + 1), np.float32)
    ends = [tuple(int(v) for v in np.rint(centre + s * half)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    kernel /= kernel.sum()
    smeared = cv2.filter2D(image, -1, kernel)
    if rng.random() < 0.5:
        return smeared
    alpha = cv2.filter2D(mask, -1, kernel)[..., None] / np.float32(255)
    return (image + alpha * (smeared.astype(np.float32) - image)).astype(np.uint8)
