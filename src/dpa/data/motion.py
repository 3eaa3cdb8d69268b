"""Made motion: a flow picture for a still image and its mask.

Stills have no motion, yet they have ten times more kinds of objects than the video sets. A camera
motion for the background and another motion for the object, both smooth, drawn as real flow is drawn,
let stills train the motion stream (the idea is FakeFlow's, arXiv 2407.11714, which takes flow from depth).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from dpa.flow.colour import flow_to_image


@dataclass(frozen=True)
class MotionSettings:
    """How made motion is drawn. Lengths are shares of the picture's longer side.

    Attributes:
        still_camera: probability of a camera at rest.
        still_object: probability of an object that moves as the background does.
        camera: spread of the camera's translation.
        object: spread of the object's translation relative to the background.
        warp: spread of the smooth deformation, relative to the motion it is added to.
        noise: spread of the estimator's noise, relative to the largest motion.
    """

    still_camera: float = 0.25
    still_object: float = 0.08
    camera: float = 0.02
    object: float = 0.025
    warp: float = 0.35
    noise: float = 0.06


def made_flow(
    mask: np.ndarray, rng: np.random.Generator, settings: MotionSettings | None = None
) -> np.ndarray:
    """A motion field for a still.

    Args:
        mask: (H, W) float32 in [0, 1], the object.
        rng: decides everything.
        settings: see `MotionSettings`.

    Returns:
        (H, W, 2) float32, pixels.
    """
    s = settings or MotionSettings()
    h, w = mask.shape
    side = max(h, w)
    camera = np.zeros((h, w, 2), np.float32)
    if rng.random() >= s.still_camera:
        camera = _affine(h, w, rng, s.camera * side)
        camera += _smooth(h, w, rng, s.warp * _spread(camera))
    field = camera
    if rng.random() >= s.still_object:
        moved = camera + _affine(h, w, rng, s.object * side, centre=_centre(mask))
        moved += _smooth(h, w, rng, s.warp * _spread(moved - camera), cells=int(rng.integers(2, 6)))
        alpha = _estimated(mask, rng)[..., None]
        field = camera + alpha * (moved - camera)
    level = s.noise * rng.random() * max(_spread(field), 0.002 * side)
    return field + _smooth(h, w, rng, level, cells=int(rng.integers(8, 24)))


def made_flow_picture(
    mask: np.ndarray, rng: np.random.Generator, settings: MotionSettings | None = None
) -> np.ndarray:
    """A made motion field, drawn: (H, W) mask -> (H, W, 3) uint8; see `made_flow`.

    Drawn at half the size: estimators' flow is no finer, and drawing is the costly part.
    """
    h, w = mask.shape
    small = cv2.resize(mask, (max(1, w // 2), max(1, h // 2)), interpolation=cv2.INTER_AREA)
    picture = flow_to_image(made_flow(small, rng, settings))
    return cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)


def _affine(
    h: int, w: int, rng: np.random.Generator, spread: float, centre: tuple[float, float] | None = None
) -> np.ndarray:
    """Translation, rotation, zoom and shear about a centre, as a field (h, w, 2)."""
    angle = rng.uniform(0, 2 * np.pi)
    length = spread * abs(rng.standard_normal())
    linear = rng.normal(0, 0.6 * spread / max(h, w), (2, 2)) * rng.choice([0.3, 1.0, 2.0])
    cx, cy = centre or (w / 2, h / 2)
    x = np.arange(w, dtype=np.float32)[None, :] - cx
    y = np.arange(h, dtype=np.float32)[:, None] - cy
    u = np.float32(length * np.cos(angle)) + np.float32(linear[0, 0]) * x + np.float32(linear[0, 1]) * y
    v = np.float32(length * np.sin(angle)) + np.float32(linear[1, 0]) * x + np.float32(linear[1, 1]) * y
    return np.stack([u, v], axis=-1).astype(np.float32)


def _smooth(h: int, w: int, rng: np.random.Generator, spread: float, cells: int = 3) -> np.ndarray:
    """A random field with `cells` independent values a side, interpolated."""
    coarse = rng.normal(0, spread, (cells, cells, 2)).astype(np.float32)
    return cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)


def _estimated(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The mask as a flow estimator sees it: bled over the border or eaten, displaced, and blurred."""
    size = int(rng.integers(0, 4))
    soft = mask
    if size:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
        soft = cv2.dilate(mask, kernel) if rng.random() < 0.7 else cv2.erode(mask, kernel)
    h, w = mask.shape
    grid = np.stack(np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32)), axis=-1)
    grid += _smooth(h, w, rng, rng.uniform(0, 2.5), cells=12)
    soft = cv2.remap(soft, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(soft, (0, 0), float(rng.uniform(0.6, 3.0)))


def _spread(field: np.ndarray) -> float:
    return float(np.sqrt(np.mean(field * field)))


def _centre(mask: np.ndarray) -> tuple[float, float]:
    m = cv2.moments(mask)
    if m["m00"] < 1:
        return mask.shape[1] / 2, mask.shape[0] / 2
    return m["m10"] / m["m00"], m["m01"] / m["m00"]
