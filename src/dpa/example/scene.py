"""The scene of the example clip: a dog trots over a meadow, a camera moves along less fast."""

from collections.abc import Iterator

import cv2
import numpy as np

from dpa.arrays import Binary, Image
from dpa.example.animal import Dog, Sprite
from dpa.example.noise import fractal, mix

HORIZON = 0.42  # of the height
FEET = 0.86  # of the height: the row of the meadow on which the dog runs
RATE = 24  # frames a second


class Scene:
    """All that does not change: textures, layers and the paths of camera and dog.

    Args:
        height: pixels.
        width: pixels.
        frames: length of the clip; the dog crosses the picture in this time.
        seed: of every random number.
    """

    def __init__(self, height: int = 360, width: int = 640, frames: int = 48, seed: int = 7) -> None:
        self.height, self.width, self.frames = height, width, frames
        rng = np.random.default_rng(seed)
        self.seed = seed
        self._unit = height / 360
        self._scale = 1.12 * self._unit
        wide = width + int(0.4 * width)
        self._sky = _sky(rng, height, width)
        self._hills = [
            _ridge(rng, height, wide, 0.35, 0.12, 0.5, ((0.36, 0.47, 0.50), (0.52, 0.60, 0.60))),
            _ridge(rng, height, wide, 0.40, 0.16, 0.85, ((0.09, 0.17, 0.07), (0.32, 0.40, 0.17))),
        ]
        self._grass = _grass(rng)
        self._dog = Dog(rng)
        shake = rng.standard_normal((2, frames + 24))
        kernel = np.hanning(13) / np.hanning(13).sum()
        paths = [np.convolve(row, kernel, "same")[12:-12] * 2.2 * self._unit for row in shake]
        self._shake = [(float(dx), float(dy)) for dx, dy in zip(*paths, strict=True)]

    def __iter__(self) -> Iterator[tuple[Image, Binary]]:
        """Every frame in order: image (H, W, 3) uint8 RGB and the true mask (H, W) bool."""
        noise = np.random.default_rng(self.seed + 1)
        for index in range(self.frames):
            shake_x, shake_y = self._shake[index]
            travelled = 2.8 * self._unit * index  # of the camera, in pixels of the row under the dog
            picture = self._backdrop(travelled, shake_x, shake_y)
            dog, feet = self._place_dog(index)
            self._shadow(picture, *feet)
            picture += (dog.colour - picture) * dog.alpha[..., None]
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.6), np.float32)
            picture += np.float32(0.012) * noise.standard_normal(picture.shape, np.float32)
            yield (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), dog.alpha > 0.5

    def masks(self) -> Iterator[Binary]:
        """The true masks alone, (H, W) bool: the same as in a whole run, for less work."""
        for index in range(self.frames):
            yield self._place_dog(index)[0].alpha > 0.5

    def _place_dog(self, index: int) -> tuple[Sprite, tuple[float, float]]:
        """The dog of a frame, and the point of the meadow under it."""
        shake_x, shake_y = self._shake[index]
        done = index / max(self.frames - 1, 1)
        stride = 0.62 * index
        bob = 4 * self._unit * np.sin(2 * stride)
        feet = (self.width * (0.27 + 0.45 * done) + shake_x, FEET * self.height + shake_y)
        centre = (feet[0], feet[1] - 94 * self._scale + bob)
        return self._dog.draw(self.height, self.width, centre, self._scale, stride), feet

    def _backdrop(self, travelled: float, shake_x: float, shake_y: float) -> np.ndarray:
        """Sky, hills that shift less the farther they are, and the meadow in perspective."""
        picture = _shift(self._sky, shake_x, shake_y, self.width)[..., :3]
        for layer, share in zip(self._hills, (0.06, 0.2), strict=True):
            drawn = _shift(layer, shake_x - share * travelled - 20, shake_y, self.width)
            picture = picture + (drawn[..., :3] - picture) * drawn[..., 3:]
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        below = (y - shake_y) / self.height - HORIZON
        depth = (FEET - HORIZON) / np.maximum(below, 0.012)  # 1 on the dog's row
        size = 1.35 / self._unit
        u = ((x - shake_x - self.width / 2) * depth + travelled) * size
        v = depth * 700
        mapped = cv2.remap(self._grass, u % 1023, v % 1023, cv2.INTER_LINEAR)
        # Far grass would flicker between pixels: it fades to its mean colour, as haze does.
        haze = np.clip((depth - 2) / 8, 0, 1)[..., None]
        mapped = mapped * (1 - haze) + np.array([0.45, 0.50, 0.25], np.float32) * haze
        cover = np.clip(below * self.height + 0.5, 0, 1)[..., None]
        return (picture + (mapped - picture) * cover).astype(np.float32)

    def _shadow(self, picture: np.ndarray, x: float, y: float) -> None:
        scale = self._scale
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        away = ((columns - x - 12 * scale) / (105 * scale)) ** 2 + ((rows - y) / (13 * scale)) ** 2
        picture *= (1 - 0.55 * np.exp(-(away**1.5)))[..., None]


def _sky(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    blue = mix((0.36, 0.56, 0.83), (0.86, 0.90, 0.93), np.clip(rows / HORIZON, 0, 1))
    cloud = cv2.resize(fractal(rng, height, width // 2, height / 4, 5), (width, height))
    cover = np.clip((cloud - 0.5) * 2.4, 0, 0.9)
    return (blue + (0.97 - blue) * cover[..., None]).astype(np.float32)


def _ridge(
    rng: np.random.Generator,
    height: int,
    width: int,
    base: float,
    rise: float,
    rough: float,
    colours: tuple[tuple[float, ...], tuple[float, ...]],
) -> np.ndarray:
    """A line of hills or trees, (H, W, 4): RGB and coverage; `base` and `rise` are shares of the height."""
    line = fractal(rng, 8, width, height * 0.45, 6, rough)[4]
    top = height * (base - rise * (line - 0.35))
    rows = np.arange(height, dtype=np.float32)[:, None]
    cover = np.clip(rows - top[None] + 0.5, 0, 1)
    leaves = fractal(rng, height, width, height / 14, 5, 0.75)
    return np.dstack([mix(colours[0], colours[1], leaves), cover]).astype(np.float32)


def _grass(rng: np.random.Generator) -> np.ndarray:
    """(1024, 1024, 3): seen from above; blades are streaks, stretched by the perspective later."""
    blades = fractal(rng, 1024, 1024, 12, 4, 0.85)
    patches = fractal(rng, 1024, 1024, 170, 4)
    green = mix((0.20, 0.31, 0.09), (0.55, 0.62, 0.24), blades)
    dry = mix((0.42, 0.36, 0.18), (0.76, 0.68, 0.40), blades)
    return (green + (dry - green) * np.clip((patches - 0.45) * 2.2, 0, 1)[..., None]).astype(np.float32)


def _shift(layer: np.ndarray, dx: float, dy: float, width: int) -> np.ndarray:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = (width, layer.shape[0])
    return cv2.warpAffine(layer, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
