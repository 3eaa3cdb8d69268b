"""A dog made of tapering capsules: it trots, wags its tail, is shaded and has fur that moves with it."""

from dataclasses import dataclass

import cv2
import numpy as np

from dpa.example.noise import fractal, mix

LIGHT = np.array([-0.45, -0.7, 0.55], np.float32) / np.float32(np.sqrt(0.45**2 + 0.7**2 + 0.55**2))
BROWN, CREAM, NOSE = (0.46, 0.27, 0.13), (0.90, 0.79, 0.62), (0.08, 0.06, 0.06)

# One bone: from, to (x forward, y down, in units of the dog), and the radius at either end.
Bone = tuple[tuple[float, float], tuple[float, float], float, float]

TORSO: list[Bone] = [
    ((44, 0), (0, -2), 33, 27),
    ((0, -2), (-52, -4), 27, 29),
    ((58, -14), (92, -50), 21, 14),
    ((98, -58), (104, -56), 19, 17),
    ((104, -54), (134, -46), 13, 8),
]
NEAR_HIPS, FAR_HIPS = ((46.0, 18.0), (-54.0, 12.0)), ((58.0, 14.0), (-42.0, 8.0))


@dataclass(frozen=True)
class Sprite:
    """A drawn animal: `colour` (H, W, 3) float32 in [0, 1] and its coverage `alpha` (H, W) float32."""

    colour: np.ndarray
    alpha: np.ndarray


class Dog:
    """A dog that can be drawn anywhere at any moment of its stride."""

    def __init__(self, rng: np.random.Generator) -> None:
        patches = fractal(rng, 512, 512, 90, 3)
        hair = fractal(rng, 512, 512, 7, 3, 0.8)
        coat = mix(BROWN, CREAM, np.clip((patches - 0.55) * 9, 0, 1))
        self._coat = coat * (0.72 + 0.5 * hair[..., None])

    def draw(
        self, height: int, width: int, centre: tuple[float, float], scale: float, stride: float
    ) -> Sprite:
        """Draw the dog into an empty picture, cut off where it leaves it.

        Args:
            height: of the picture, pixels.
            width: of the picture, pixels.
            centre: x, y of the middle of the torso, pixels.
            scale: pixels per unit of the dog, which is about 270 long and 190 high.
            stride: moment of the stride, radians; 2 pi is one stride.
        """
        whole = Sprite(np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32))
        left, right = (int(np.clip(centre[0] + reach * scale, 0, width)) for reach in (-150, 160))
        top, bottom = (int(np.clip(centre[1] + reach * scale, 0, height)) for reach in (-130, 125))
        y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
        x, y = (x - np.float32(centre[0])) / scale, (y - np.float32(centre[1])) / scale
        colour, alpha = whole.colour[top:bottom, left:right], whole.alpha[top:bottom, left:right]
        for bones, tone, melt in self._layers(stride):
            distance, u, v = _distance(x, y, bones, melt)
            layer = self._paint(distance, u, v, scale) * tone
            cover = np.clip(0.5 - distance * scale, 0, 1)
            colour += (layer - colour) * cover[..., None]
            np.maximum(alpha, cover, out=alpha)
        for (cx, cy), radius in (((134, -48), 6.5), ((108, -64), 3.2)):  # nose, eye
            cover = np.clip((radius - np.hypot(x - cx, y - cy)) * scale + 0.5, 0, 1)
            colour += (np.asarray(NOSE, np.float32) - colour) * cover[..., None]
            np.maximum(alpha, cover, out=alpha)
        return whole

    def _layers(self, stride: float) -> list[tuple[list[Bone], float, float]]:
        """From far to near: bones, brightness, and how softly they melt into each other."""
        wag = 0.35 * np.sin(2 * stride)
        tip = (-112 - 14 * np.sin(wag), -62 + 30 * wag)
        tail: list[Bone] = [((-72, -14), (-94, -34), 9, 7), ((-94, -34), tip, 7, 3)]
        flap = 5 * np.sin(2 * stride + 0.8)
        ear: list[Bone] = [((94, -70), (84, -46 - flap), 7, 10)]
        return [
            (_legs(FAR_HIPS, stride + np.pi), 0.62, 4),
            (tail, 0.9, 3),
            ([*TORSO, *_legs(NEAR_HIPS, stride)], 1.0, 9),
            (ear, 0.68, 3),
        ]

    def _paint(self, distance: np.ndarray, u: np.ndarray, v: np.ndarray, scale: float) -> np.ndarray:
        """Fur under one light: the silhouette is blown up to a round surface, whose slope gives the shade."""
        round_to = 24.0
        depth = np.clip(-distance / round_to, 0, 1)
        swollen = round_to * np.sqrt(np.clip(1 - (1 - depth) ** 2, 0, 1))
        surface = cv2.GaussianBlur(swollen, (0, 0), 2.0 * scale)
        slope_y, slope_x = np.gradient(surface * scale)
        length = np.sqrt(slope_x**2 + slope_y**2 + 1)
        facing = (-slope_x * LIGHT[0] - slope_y * LIGHT[1] + LIGHT[2]) / length
        fur = cv2.remap(self._coat, (u + 256) % 511, (v + 256) % 511, cv2.INTER_LINEAR)
        return np.clip(fur * (0.38 + 0.85 * np.clip(facing, 0, 1))[..., None], 0, 1)


def _legs(hips: tuple[tuple[float, float], ...], stride: float) -> list[Bone]:
    """A front and a hind leg half a stride apart, each of thigh, shin and paw."""
    bones: list[Bone] = []
    for (hip_x, hip_y), phase, forward in zip(hips, (stride, stride + np.pi), (1, -1), strict=True):
        swing = 0.5 * np.sin(phase)
        bend = 0.2 + 0.75 * max(0.0, float(np.cos(phase)))  # the leg folds while it comes forward
        thigh = swing + (0.12 if forward > 0 else 0.25 + 0.4 * bend)
        shin = thigh - (bend if forward > 0 else 0.35 + 0.9 * bend)
        knee = (hip_x + 36 * float(np.sin(thigh)), hip_y + 36 * float(np.cos(thigh)))
        foot = (knee[0] + 40 * float(np.sin(shin)), knee[1] + 40 * float(np.cos(shin)))
        upper = 14 if forward > 0 else 19
        bones += [((hip_x, hip_y), knee, upper, 9), (knee, foot, 9, 6), (foot, (foot[0] + 8, foot[1]), 7, 6)]
    return bones


def _distance(
    x: np.ndarray, y: np.ndarray, bones: list[Bone], melt: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signed distance to the smooth union of bones, negative inside, and fur coordinates of the nearest bone.

    The smooth minimum is the polynomial one (I. Quilez, "smooth minimum").
    """
    total = u = v = None
    for index, ((ax, ay), (bx, by), ra, rb) in enumerate(bones):
        length = float(np.hypot(bx - ax, by - ay))
        ux, uy = (bx - ax) / length, (by - ay) / length
        along = (x - ax) * ux + (y - ay) * uy
        across = (y - ay) * ux - (x - ax) * uy
        part = np.clip(along / length, 0, 1)
        distance = np.hypot(along - part * length, across) - (ra + part * (rb - ra))
        # The torso keeps one frame for its fur, so that patches run over its bones without a seam.
        own = (x, y) if index < 2 and ra > 20 else (along + 61 * index, across + 37 * index)
        if total is None or u is None or v is None:
            total, u, v = distance, own[0], own[1]
            continue
        nearer = distance < total
        u, v = np.where(nearer, own[0], u), np.where(nearer, own[1], v)
        blend = np.clip(0.5 + 0.5 * (distance - total) / melt, 0, 1)
        total = distance + (total - distance) * blend - melt * blend * (1 - blend)
    assert total is not None
    assert u is not None
    assert v is not None
    return total.astype(np.float32), u.astype(np.float32), v.astype(np.float32)
