"""A made data set in METHOD's layout: textured shapes on textured ground; one moves and one rests."""

from pathlib import Path

import cv2
import numpy as np

from dpa.flow.colour import flow_to_image

SIZE = (90, 120)


def make_data(root: Path, seed: int = 0) -> None:
    """Write stills/, videos/ (flat) and validation/SEQUENCE/, of different scenes."""
    rng = np.random.default_rng(seed)
    for i in range(40):
        _write(root / "stills", f"still_{i}", _Scene(rng).frame(0))
    for i in range(6):
        scene = _Scene(rng)
        for t in range(8):
            _write(root / "videos", f"video{i}_{t:05d}", scene.frame(t), scene.flow(t))
    for i in range(4):
        scene = _Scene(rng)
        for t in range(8):
            _write(root / "validation" / f"held{i}", f"held{i}_{t:05d}", scene.frame(t), scene.flow(t))


class _Scene:
    """A shape that moves; the camera moves too, with the ground and what rests on it."""

    def __init__(self, rng: np.random.Generator) -> None:
        h, w = SIZE
        self.ground = _texture(rng, (2 * h, 2 * w), rng.integers(20, 110, 3))
        rest = _shape(rng, (2 * h, 2 * w), (w / 2 + rng.uniform(0, w), h / 2 + rng.uniform(0, h)))
        self.ground[rest > 0] = _texture(rng, (2 * h, 2 * w), rng.integers(120, 256, 3))[rest > 0]
        self.paint = _texture(rng, SIZE, rng.integers(120, 256, 3))
        self.outline = _shape(rng, SIZE, (w / 2, h / 2))
        self.camera = rng.uniform(-2, 2, 2)
        self.step = rng.uniform(2, 4) * np.array([np.cos(a := rng.uniform(0, 6.3)), np.sin(a)])

    def frame(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        h, w = SIZE
        x, y = (w / 2, h / 2) - t * self.camera
        ground = cv2.getRectSubPix(self.ground, (w, h), (float(x + w / 2), float(y + h / 2)))
        to = np.float32([[1, 0, 0], [0, 1, 0]])
        to[:, 2] = (t - 3.5) * self.step
        mask = cv2.warpAffine(self.outline, to, (w, h))
        paint = cv2.warpAffine(self.paint, to, (w, h), borderMode=cv2.BORDER_REFLECT)
        return np.where(mask[..., None] > 127, paint, ground), np.where(
            mask > 127, np.uint8(255), np.uint8(0)
        )

    def flow(self, t: int) -> np.ndarray:
        mask = cv2.GaussianBlur(self.frame(t)[1], (0, 0), 1.5)[..., None] / np.float32(255)
        field = self.camera + mask * (self.step - self.camera)
        return flow_to_image(field.astype(np.float32))


def _texture(rng: np.random.Generator, size: tuple[int, int], colour: np.ndarray) -> np.ndarray:
    noise = cv2.GaussianBlur(rng.normal(0, 1, (*size, 3)).astype(np.float32), (0, 0), 2.0)
    return np.clip(colour + 150 * noise, 0, 255).astype(np.uint8)


def _shape(rng: np.random.Generator, size: tuple[int, int], centre: tuple[float, float]) -> np.ndarray:
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    radii = rng.uniform(12, 24, 9)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None] + centre
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255)
    return mask


def _write(
    root: Path, stem: str, made: tuple[np.ndarray, np.ndarray], flow: np.ndarray | None = None
) -> None:
    pictures = {"RGB": made[0], "GT": made[1]} | ({"FLOW": flow} if flow is not None else {})
    for kind, picture in pictures.items():
        (root / kind).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / kind / f"{stem}.png"), picture[..., ::-1] if picture.ndim == 3 else picture)
