"""Synthetic flow: a flow picture for a still image and its mask.

Stills have no motion, yet they have ten times more kinds of objects than the video sets. A camera
motion for the background and another motion for the object, both smooth, drawn as real flow is drawn,
let stills train the motion stream (the idea is FakeFlow's, arXiv 2407.11714, which takes flow from depth).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dpa.flow.colour import flow_to_image
from dpa.train.data.augment import View


@dataclass(frozen=True)
class SyntheticFlowSettings:
    """How synthetic flow is drawn. Lengths are shares of the picture's longer side.

    Attributes:
        still_camera: probability of a camera at rest.
        still_object: probability of an object that moves as the background does.
        camera: spread of the camera's translation.
        slant: how much nearer one side of the background may be than the other, and so faster.
        stirred: probability of parts of the background that move a little on their own, as water, leaves and
            shaken poles do.
        object: spread of the object's translation relative to the background.
        least: length of the object's least translation relative to the background.
        apart: probability that the parts of an object that do not touch move on their own.
        warp: spread of the smooth deformation, relative to the motion it is added to.
        torn: probability that an estimator loses a fast object: its motion falls to pieces.
        noise: spread of the estimator's noise, relative to the largest motion.
    """

    still_camera: float = 0.25
    still_object: float = 0.08
    camera: float = 0.02
    slant: float = 0.6
    stirred: float = 0.2
    object: float = 0.025
    least: float = 0.0
    apart: float = 0.5
    warp: float = 0.35
    torn: float = 0.12
    noise: float = 0.06


def synthetic_flow(
    mask: np.ndarray, rng: np.random.Generator, settings: SyntheticFlowSettings | None = None
) -> np.ndarray:
    """A motion field for a still.

    Args:
        mask: (H, W) float32 in [0, 1], the object.
        rng: decides everything.
        settings: see `SyntheticFlowSettings`.

    Returns:
        (H, W, 2) float32, pixels.
    """
    s = settings or SyntheticFlowSettings()
    field, parts = synthetic_layers(mask, rng, s)
    for part, motion in parts:
        field = field + _estimated(part, rng)[..., None] * (motion - field)
    h, w = mask.shape
    level = s.noise * rng.random() * max(_spread(field), 0.002 * max(h, w))
    return field + smooth_field(h, w, rng, level, cells=int(rng.integers(8, 24)))


def synthetic_layers(
    mask: np.ndarray, rng: np.random.Generator, settings: SyntheticFlowSettings
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Motion of the background and of what moves in front of it, apart.

    Args:
        mask: (H, W) float32 in [0, 1], the object.
        rng: decides everything.
        settings: see `SyntheticFlowSettings`.

    Returns:
        The background's motion (H, W, 2), and mask (H, W) and motion (H, W, 2) of the object or of each of
        its parts; none where the object moves as the camera makes all move. Float32, pixels.
    """
    s = settings
    h, w = mask.shape
    side = max(h, w)
    field = np.zeros((h, w, 2), np.float32)
    if rng.random() >= s.still_camera:
        field = _affine(h, w, rng, s.camera * side)
        field *= _slanted(h, w, rng, s.slant)
        field += smooth_field(h, w, rng, s.warp * _spread(field))
    camera = field
    if rng.random() < s.stirred:
        field = camera + _stirred(h, w, rng, 0.5 * s.object * side)
    moving = _parts(mask, rng, s.apart) if rng.random() >= s.still_object else []
    parts = []
    for part in moving:
        own = _affine(h, w, rng, s.object * side, centre=_centre(part), least=s.least * side)
        own += smooth_field(h, w, rng, s.warp * _spread(own), cells=int(rng.integers(2, 6)))
        if rng.random() < s.torn:
            own += smooth_field(h, w, rng, 1.5 * _spread(own), cells=int(rng.integers(8, 16)))
        parts.append((part, camera + own))
    return field, parts


def synthetic_flow_picture(
    mask: np.ndarray, rng: np.random.Generator, settings: SyntheticFlowSettings | None = None
) -> np.ndarray:
    """Synthetic flow, drawn: (H, W) mask -> (H, W, 3) uint8; see `synthetic_flow`.

    Drawn at half the size: estimators' flow is no finer, and drawing is the costly part.
    """
    h, w = mask.shape
    small = cv2.resize(mask, (max(1, w // 2), max(1, h // 2)), interpolation=cv2.INTER_AREA)
    picture = flow_to_image(synthetic_flow(small, rng, settings))
    return cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR)


def lose_motion(views: Sequence[View], share: float, rng: np.random.Generator) -> list[View]:
    """Views of one object, some with flow that tells nothing of it: it rests, or the estimator has lost it.

    What the object is, such a view must read from the others: that is what references are for. One view at
    least keeps its flow.

    Args:
        views: with flow pictures.
        share: probability of losing it.
        rng: decides everything.
    """
    lost = rng.random(len(views)) < share
    lost[int(rng.integers(len(views)))] = False
    return [
        replace(view, flow=_of_nothing(view.mask, rng)) if gone else view
        for view, gone in zip(views, lost, strict=True)
    ]


def _of_nothing(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A flow picture of the mask's size without an object: the camera's motion alone, or pieces."""
    h, w = mask.shape
    if rng.random() < 0.5:
        return synthetic_flow_picture(np.zeros((h, w), np.float32), rng)
    pieces = smooth_field(h // 2, w // 2, rng, 1.0, cells=int(rng.integers(2, 9)))
    pieces += smooth_field(h // 2, w // 2, rng, rng.uniform(0, 1), cells=int(rng.integers(8, 24)))
    pieces += rng.normal(0, rng.uniform(0, 3), 2).astype(np.float32)
    return cv2.resize(flow_to_image(pieces), (w, h), interpolation=cv2.INTER_LINEAR)


def _affine(
    h: int,
    w: int,
    rng: np.random.Generator,
    spread: float,
    centre: tuple[float, float] | None = None,
    least: float = 0.0,
) -> np.ndarray:
    """Translation (`least` pixels or more), rotation, zoom and shear about a centre: a field (h, w, 2)."""
    angle = rng.uniform(0, 2 * np.pi)
    length = least + spread * abs(rng.standard_normal())
    linear = rng.normal(0, 0.6 * spread / max(h, w), (2, 2)) * rng.choice([0.3, 1.0, 2.0])
    cx, cy = centre or (w / 2, h / 2)
    x = np.arange(w, dtype=np.float32)[None, :] - cx
    y = np.arange(h, dtype=np.float32)[:, None] - cy
    u = np.float32(length * np.cos(angle)) + np.float32(linear[0, 0]) * x + np.float32(linear[0, 1]) * y
    v = np.float32(length * np.sin(angle)) + np.float32(linear[1, 0]) * x + np.float32(linear[1, 1]) * y
    return np.stack([u, v], axis=-1).astype(np.float32)


def _slanted(h: int, w: int, rng: np.random.Generator, slant: float) -> np.ndarray:
    """Nearness of a slanted plane, (h, w, 1), 1 in the middle."""
    down, right = rng.uniform(-slant, slant, 2)
    y = np.linspace(-0.5, 0.5, h, dtype=np.float32)[:, None]
    x = np.linspace(-0.5, 0.5, w, dtype=np.float32)[None, :]
    return (1 + np.float32(down) * y + np.float32(right) * x)[..., None]


def _stirred(h: int, w: int, rng: np.random.Generator, spread: float) -> np.ndarray:
    """A field (h, w, 2) that is not 0 in a few patches or streaks, each with a motion of its own."""
    if rng.random() < 0.5:
        where = (smooth_field(h, w, rng, 1.0, cells=int(rng.integers(3, 9)))[..., 0] > 1.0).astype(np.float32)
    else:
        where = np.zeros((h, w), np.float32)
        for _ in range(int(rng.integers(1, 5))):
            x, lean = rng.uniform(0, w), rng.normal(0, 0.15) * h
            ends = [
                (round(x + k * lean), round(h * rng.uniform(a, b))) for k, a, b in ((0, 0, 0.5), (1, 0.5, 1))
            ]
            cv2.line(where, ends[0], ends[1], 1.0, max(1, round(rng.uniform(0.01, 0.05) * w)))
    soft = cv2.GaussianBlur(where, (0, 0), float(rng.uniform(1, 4)))
    return soft[..., None] * smooth_field(h, w, rng, spread * rng.random(), cells=int(rng.integers(2, 8)))


def _parts(mask: np.ndarray, rng: np.random.Generator, apart: float) -> list[np.ndarray]:
    """The mask, or its three largest parts that do not touch, each as a mask."""
    if rng.random() >= apart:
        return [mask]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((mask > 0.5).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    large = [k for k in range(1, count) if areas[k] > 0.05 * areas[1:].sum()]
    if len(large) < 2:
        return [mask]
    return [(labels == k).astype(np.float32) for k in sorted(large, key=lambda k: -areas[k])[:3]]


def smooth_field(h: int, w: int, rng: np.random.Generator, spread: float, cells: int = 3) -> np.ndarray:
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
    grid += smooth_field(h, w, rng, rng.uniform(0, 2.5), cells=12)
    soft = cv2.remap(soft, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.GaussianBlur(soft, (0, 0), float(rng.uniform(0.6, 3.0)))


def _spread(field: np.ndarray) -> float:
    return float(np.sqrt(np.mean(field * field)))


def _centre(mask: np.ndarray) -> tuple[float, float]:
    m = cv2.moments(mask)
    if m["m00"] < 1:
        return mask.shape[1] / 2, mask.shape[0] / 2
    return m["m10"] / m["m00"], m["m01"] / m["m00"]
