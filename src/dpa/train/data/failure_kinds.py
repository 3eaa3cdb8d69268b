"""Short sequences made of stills, one kind of difficulty each: what such networks fail at, to be measured.

A still's object moves in front of its background, with what a kind adds: things at rest beside it, smoke,
posts. Motion and mask are known in every frame. They are to be made of stills that no training has seen
(`dpa.datasets.held_out`); the layers are those of the training's second frames (`second_frame`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from dpa.train.data.augment import View
from dpa.train.data.copy_paste import cut_out, paste_resting, put_bars
from dpa.train.data.second_frame import pulled, smoke, veiled, without
from dpa.train.data.synthetic_flow import SyntheticFlowSettings, smooth_field, synthetic_layers

FRAMES = 12
# A frame's motion, which lasts for the whole sequence: slower than between a training's two frames.
_MOTION = SyntheticFlowSettings(
    still_object=0.0, camera=0.004, object=0.004, least=0.008, warp=0.1, stirred=0.0, apart=0.0, torn=0.0
)
_SHUTTER = 5  # exposures in a blurred frame

Other = Callable[[], View]
"""Another still, drawn anew at each call."""


@dataclass
class Layer:
    """What moves as one in front of the background.

    Attributes:
        image: (H, W, 3) uint8.
        mask: (H, W) float32 in [0, 1], its opacity.
        motion: (H, W, 2) float32, pixels a frame.
        counts: it is the object; else it only hides what is behind.
        shown: first and last frame (exclusive) in which it is there.
    """

    image: np.ndarray
    mask: np.ndarray
    motion: np.ndarray
    counts: bool = True
    shown: tuple[int, int] = (0, FRAMES)


@dataclass
class Scene:
    """Background and layers, the nearest last.

    Attributes:
        image: (H, W, 3) uint8, the background.
        camera: (H, W, 2) float32, its motion, pixels a frame.
        layers: in front of it.
        blur: frames are exposed for half the time between them.
        cast: what the objects throw: "", "shadow" or "reflection".
        smoke: opacity (H, W), colour (3,) and motion (H, W, 2) of each cloud in front of all.
    """

    image: np.ndarray
    camera: np.ndarray
    layers: list[Layer]
    blur: bool = False
    cast: str = ""
    smoke: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...] = ()

    def frame(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Frame t, (H, W, 3) uint8, and its mask, (H, W) uint8, 0 or 255."""
        image, mask = self._exposed(t, t)
        if self.blur:
            times = t + np.linspace(-0.25, 0.25, _SHUTTER)
            image = np.mean([self._exposed(time, t)[0] for time in times], axis=0)
        return np.rint(image).clip(0, 255).astype(np.uint8), np.where(mask > 0.5, np.uint8(255), np.uint8(0))

    def _exposed(self, time: float, t: int) -> tuple[np.ndarray, np.ndarray]:
        since = np.float32(time - (FRAMES - 1) / 2)  # the still is the middle of the sequence
        image = pulled(self.image, since * self.camera).astype(np.float32)
        mask = np.zeros(image.shape[:2], np.float32)
        for layer in self.layers:
            if not layer.shown[0] <= t < layer.shown[1]:
                continue
            alpha = pulled(layer.mask, since * layer.motion, outside=cv2.BORDER_CONSTANT)
            own = pulled(layer.image, since * layer.motion).astype(np.float32)
            if self.cast and layer.counts:
                image = _cast(image, own, alpha, self.cast)
            image += alpha[..., None] * (own - image)
            mask = np.maximum(mask, alpha) if layer.counts else np.minimum(mask, 1 - alpha)
        for cloud, colour, drift in self.smoke:
            image = veiled(image, pulled(cloud, since * drift, outside=cv2.BORDER_CONSTANT), colour)
        return image, mask


def make_scene(kind: str, still: View, other: Other, rng: np.random.Generator) -> Scene:
    """A scene of a kind.

    Args:
        kind: one of `KINDS`.
        still: with an object in it.
        other: gives more stills, for what else is in the scene.
        rng: decides everything.
    """
    return KINDS[kind](still, other, rng)


def _plain(still: View, other: Other, rng: np.random.Generator, **changes: float) -> Scene:
    soft = still.mask.astype(np.float32) / 255
    settings = SyntheticFlowSettings(**(vars(_MOTION) | changes))
    camera, [(mask, motion)] = synthetic_layers(soft, rng, settings)
    # One pixel less than the mask: its border has the background in it.
    core = cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=1)
    return Scene(without(still.image, soft), camera, [Layer(still.image, _soft(core), motion)])


def _crowd(still: View, other: Other, rng: np.random.Generator) -> Scene:
    scene = _plain(still, other, rng)
    ground = View(scene.image, still.mask)
    for _ in range(4):
        ground = paste_resting(ground, other(), rng)
    scene.image = ground.image
    return scene


def _smoke(still: View, other: Other, rng: np.random.Generator) -> Scene:
    scene = _plain(still, other, rng)
    clouds = [smoke(still.mask.astype(np.float32) / 255, rng) for _ in range(3)]
    scene.smoke = tuple((cloud, colour, scene.camera + drift / 2) for cloud, colour, drift in clouds)
    return scene


def _small_fast(still: View, other: Other, rng: np.random.Generator) -> Scene:
    scene = _plain(still, other, rng, object=0.01, least=0.035)
    x, y, w, h = cv2.boundingRect(still.mask)
    (height, width), layer = still.mask.shape, scene.layers[0]
    scale = 0.13 * np.sqrt(height * width / (w * h))
    to_x, to_y = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.35, 0.65)
    turn = np.array(
        [[scale, 0, to_x - scale * (x + w / 2)], [0, scale, to_y - scale * (y + h / 2)]], np.float32
    )
    for name in ("image", "mask"):
        # Smoothed first, as INTER_AREA would: a shrunk picture has no finer detail than its pixels.
        smooth = cv2.GaussianBlur(getattr(layer, name), (0, 0), max(0.3, 0.4 / scale))
        outside = cv2.BORDER_REPLICATE if name == "image" else cv2.BORDER_CONSTANT
        setattr(layer, name, cv2.warpAffine(smooth, turn, (width, height), borderMode=outside))
    layer.motion = scene.camera + (layer.motion - scene.camera).mean((0, 1))
    scene.blur = True
    return scene


def _in_front(still: View, other: Other, rng: np.random.Generator) -> Scene:
    """Posts, and leaves that sway, nearer than the object."""
    scene = _plain(still, other, rng)
    h, w = still.mask.shape
    drawn = View(np.zeros_like(still.image), np.full((h, w), 255, np.uint8))
    for _ in range(20):  # until they hide a tenth of the object
        drawn = put_bars(drawn, rng)
        if np.count_nonzero(drawn.mask & still.mask) < 0.9 * np.count_nonzero(still.mask):
            break
    near = np.float32(1.5) * scene.camera
    scene.layers.append(Layer(drawn.image, _soft(np.float32(drawn.mask == 0)), near, counts=False))
    cells = int(rng.integers(14, 24))
    leaves = np.float32(smooth_field(h, w, rng, 1.0, cells=cells)[..., 0] > 1.3)
    green = (
        rng.uniform((30, 60, 10), (110, 150, 60))
        + 60 * smooth_field(h, w, rng, 0.5, cells=3 * cells)[..., :1]
    )
    sway = near + smooth_field(h, w, rng, 0.0015 * max(h, w), cells=6)
    scene.layers.append(Layer(green.clip(0, 255).astype(np.uint8), _soft(leaves), sway, counts=False))
    return scene


def _shadow(still: View, other: Other, rng: np.random.Generator) -> Scene:
    scene = _plain(still, other, rng)
    scene.cast = str(rng.choice(["shadow", "reflection"]))
    return scene


def _empty(still: View, other: Other, rng: np.random.Generator) -> Scene:
    """Nothing but the background for the first third and the last quarter."""
    scene = _plain(still, other, rng)
    scene.layers[0].shown = FRAMES // 3, FRAMES - FRAMES // 4
    return scene


def _two_movers(still: View, other: Other, rng: np.random.Generator) -> Scene:
    scene = _plain(still, other, rng)
    scene.layers.append(_pasted(still, other, rng, scene.camera))
    own = scene.layers[0].motion - scene.camera
    scene.layers[1].motion = scene.camera - own.mean((0, 1))  # the other way
    return scene


def _occluded(still: View, other: Other, rng: np.random.Generator) -> Scene:
    """A resting thing of another picture in front of the object's way."""
    scene = _plain(still, other, rng, least=0.02)
    scene.layers.append(_pasted(still, other, rng, scene.camera, over=True))
    return scene


def _leaving(still: View, other: Other, rng: np.random.Generator) -> Scene:
    """The object goes out at a side of the picture, or comes in there; it is whole in the middle frames."""
    scene = _plain(still, other, rng)
    x, _, bw, _ = cv2.boundingRect(still.mask)
    w = still.mask.shape[1]
    # To the nearer side, so far that nine tenths of it are gone at the end; half of them come from there.
    way = -(x + 0.9 * bw) if x + bw / 2 < w / 2 else w - x - 0.1 * bw
    step = np.array([way / ((FRAMES - 1) / 2), 0], np.float32)
    scene.layers[0].motion = scene.camera + (step if rng.random() < 0.5 else -step)
    return scene


KINDS: dict[str, Callable[..., Scene]] = {
    "plain": _plain,
    "crowd": _crowd,
    "smoke": _smoke,
    "small-fast": _small_fast,
    "in-front": _in_front,
    "shadow": _shadow,
    "empty": _empty,
    "two-movers": _two_movers,
    "occluded": _occluded,
    "leaving": _leaving,
}
"""What makes a scene of each kind."""


def _pasted(
    still: View, other: Other, rng: np.random.Generator, motion: np.ndarray, over: bool = False
) -> Layer:
    """Another still's object as a layer: beside the object, or over a part of it and no object then."""
    h, w = still.mask.shape
    cutout = next(found for found in (cut_out(other(), (h, w), rng, 0.45) for _ in range(100)) if found)
    ch, cw = cutout.mask.shape
    x, y, bw, bh = cv2.boundingRect(still.mask)
    middle = (x + bw / 2) / w
    if over:
        left, top = x + rng.uniform(0.2, 0.8) * bw - cw / 2, y + bh / 2 - ch / 2
    else:
        left, top = (0.8 if middle < 0.5 else 0.2) * w - cw / 2, rng.uniform(0.2, 0.8) * h - ch / 2
    shift = np.array([[1, 0, round(left)], [0, 1, round(top)]], np.float32)
    image = cv2.warpAffine(cutout.image, shift, (w, h), borderMode=cv2.BORDER_REPLICATE)
    core = cv2.erode(cutout.mask, np.ones((3, 3), np.uint8), borderValue=0)
    mask = cv2.warpAffine(core, shift, (w, h)).astype(np.float32) / 255
    return Layer(image, _soft(mask), motion, counts=not over)


def _cast(image: np.ndarray, own: np.ndarray, alpha: np.ndarray, what: str) -> np.ndarray:
    """The picture with the object's shadow on the ground, or its reflection, below it."""
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    if not len(rows):
        return image
    h, w = alpha.shape
    foot = float(rows[-1])
    if what == "shadow":  # flat on the ground, to the side
        squeeze, slant = 0.4, 0.5
    else:
        squeeze, slant = 1.0, 0.0
    # Where a pixel (x, y) below the foot is seen: at (x + slant * d, foot - d / squeeze), d = y - foot.
    turn = np.array([[1, slant, -slant * foot], [0, -1 / squeeze, foot + foot / squeeze]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    thrown = cv2.warpAffine(alpha, turn, (w, h), flags=flags)
    if what == "shadow":
        return image * (1 - 0.55 * cv2.GaussianBlur(thrown, (0, 0), 2.0)[..., None])
    mirrored = cv2.warpAffine(own, turn, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return veiled(image, 0.45 * thrown, cv2.GaussianBlur(mirrored, (0, 0), 1.0))


def _soft(mask: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), 0.8)
