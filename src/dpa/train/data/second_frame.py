"""The frame after a still, so that an estimator's own flow, with its errors, trains the motion stream.

A flow picture drawn from synthetic motion is cleaner than any estimator's. Here the motion moves the picture
in layers, the background and the object's parts in front of it, and DIS finds the flow between the two frames
as it does in a video: with its holes at borders that were hidden, its guesses on bare walls, its torn fast
objects.
"""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np

from dpa.flow.colour import flow_to_image
from dpa.flow.dis import DIS
from dpa.train.data.synthetic_flow import SyntheticFlowSettings, smooth_field, synthetic_layers

_LEVELS = 6  # of the pyramid that fills the place of the object: holes of up to 2**6 pixels
_SMOKE = 0.08  # share of the pictures with smoke


def estimated_flow_picture(
    image: np.ndarray,
    mask: np.ndarray,
    rng: np.random.Generator,
    settings: SyntheticFlowSettings | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A still as the first of two frames, and DIS's flow to the second, drawn.

    Args:
        image: (H, W, 3) uint8, RGB.
        mask: (H, W) float32 in [0, 1], the object.
        rng: decides everything.
        settings: of the motion.

    Returns:
        The first frame, which may have smoke in it that the image has not, and the flow picture, both
        (H, W, 3) uint8.
    """
    # The estimator tears and blurs by itself.
    settings = replace(settings or SyntheticFlowSettings(), torn=0.0)
    background, parts = synthetic_layers(mask, rng, settings)
    second = moved(image, mask, background, parts)
    if rng.random() < _SMOKE:
        cloud, colour, drift = smoke(mask, rng)
        drifted = pulled(cloud, drift, outside=cv2.BORDER_CONSTANT)
        image, second = (
            veiled(x, a, colour).astype(np.uint8) for x, a in ((image, cloud), (second, drifted))
        )
    return image, flow_to_image(_dis()(image, second))


def moved(
    image: np.ndarray, mask: np.ndarray, background: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """The next frame: the background moved, and each part of the object, in front of it.

    Motion is taken where a pixel arrives instead of where it starts, which is the same where it is smooth.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) float32 in [0, 1], the whole object: what it hides of the background is made up.
        background: (H, W, 2) float32, its motion in pixels.
        parts: of the object: mask (H, W) float32 and motion (H, W, 2) of each.

    Returns:
        (H, W, 3) uint8.
    """
    result = pulled(without(image, mask), background).astype(np.float32)
    for part, motion in parts:
        alpha = pulled(part, motion, outside=cv2.BORDER_CONSTANT)[..., None]
        result += alpha * (pulled(image, motion) - result)
    return np.rint(result).astype(np.uint8)


def pulled(x: np.ndarray, motion: np.ndarray, outside: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """x(p - motion(p))."""
    h, w = x.shape[:2]
    place = _grid(h, w) - motion
    return cv2.remap(x, place[..., 0], place[..., 1], cv2.INTER_LINEAR, borderMode=outside)


@cache
def _grid(h: int, w: int) -> np.ndarray:
    """Every pixel's own place, (H, W, 2): x, y."""
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    return np.stack([x, y], axis=-1)


def without(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with what is around the object drawn into its place, coarser the farther inside."""
    # Two pixels more than the mask: its border is mixed of both.
    known = (cv2.dilate(mask, np.ones((5, 5), np.uint8)) < 0.05).astype(np.float32)
    levels: list[tuple[np.ndarray, np.ndarray]] = [(image.astype(np.float32) * known[..., None], known)]
    for _ in range(_LEVELS):
        colour, weight = levels[-1]
        if min(weight.shape) < 4:
            break
        levels.append((cv2.pyrDown(colour), cv2.pyrDown(weight)))
    colour, weight = levels.pop()
    filled = colour / np.maximum(weight, 1e-3)[..., None]
    while levels:
        colour, weight = levels.pop()
        h, w = weight.shape
        below = cv2.resize(filled, (w, h), interpolation=cv2.INTER_LINEAR)
        filled = colour + (1 - np.minimum(weight, 1))[..., None] * below
    return filled.astype(np.uint8)


def smoke(mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A cloud that drifts, beside the object and over a part of it: no part of the mask.

    Returns:
        Its opacity (H, W) in [0, 1], its colour (3,), 0 to 255, and its motion (H, W, 2), pixels; float32.
    """
    h, w = mask.shape
    y, x = np.nonzero(mask > 0.5)
    k = int(rng.integers(len(y))) if len(y) else 0
    cx, cy = (x[k], y[k]) if len(y) else (w / 2, h / 2)
    spread = rng.uniform(0.1, 0.3) * max(h, w)
    grid = _grid(h, w)
    blob = np.exp(-((grid[..., 0] - cx) ** 2 + (grid[..., 1] - cy) ** 2) / (2 * spread**2))
    texture = sum(smooth_field(h, w, rng, 1 / n, cells=n)[..., 0] * 2 for n in (3, 7, 15))
    cloud = (blob * np.clip(0.6 + texture, 0, 1) * rng.uniform(0.4, 0.9)).astype(np.float32)
    grey = np.float32(rng.uniform(120, 245)) + rng.normal(0, 6, 3).astype(np.float32)
    drift = smooth_field(h, w, rng, 0.01 * max(h, w)) + rng.normal(0, 0.015 * max(h, w), 2).astype(np.float32)
    # The first frame has less of it over the object: what cannot be seen is not to be found.
    return cloud * (1 - 0.5 * mask), grey, drift


def veiled(frame: np.ndarray, alpha: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) behind a colour, (3,) or (H, W, 3), of opacity (H, W): float32."""
    return frame + alpha[..., None] * (colour - frame)


@cache
def _dis() -> DIS:
    return DIS()
