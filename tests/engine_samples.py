"""A network that needs no weights, and what it takes to run the engine with it."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_samples import make_video

from dpa.backends import Memory, Seen
from dpa.batch import work
from dpa.engine import segmenter
from dpa.model.config import DPAConfig

SIZE = (64, 96)


class FakeBackend:
    """Finds what is brighter than its surroundings, less surely the brighter its references are.

    A frame's own prototypes are its mean brightness, so that what a frame was segmented with can be read off.

    Attributes:
        calls: of every frame its brightness and the references' (one number a reference).
        groups: frames that were given at once, and whether their prototypes were asked for.
        fail_at: number of the frame that raises `error`; nothing comes of those that were given with it.
    """

    name, device, weights, precision, has_features = "fake", "cpu", "fake", "fp32", False

    def __init__(self, ifa: bool = True, batch: int = 2) -> None:
        self.config = DPAConfig(dim=2, neighbours=2, size=64, keep_aspect=True, references=4, ifa=ifa)
        self.batch = batch
        self.calls: list[tuple[float, list[float]]] = []
        self.groups: list[tuple[int, bool]] = []
        self.fail_at: int | None = None
        self.error: BaseException = RuntimeError("the network failed")

    def __call__(
        self,
        images: np.ndarray,
        flows: np.ndarray,
        references: Memory,
        *,
        remember: bool = False,
        features: bool = False,
        dinov2: list[np.ndarray] | None = None,
    ) -> Seen:
        assert not features
        assert dinov2 is None or self.config.dinov2
        assert images.ndim == flows.ndim == 4
        assert 1 <= len(images) <= self.batch
        self.groups.append((len(images), remember))
        found = [self.one(*frame, references) for frame in zip(images, flows, strict=True)]
        own = [memory for _, memory in found] if remember and self.config.ifa else []
        return Seen(np.stack([probability for probability, _ in found]), own, [])

    def one(self, image: np.ndarray, flow: np.ndarray, references: Memory) -> tuple[np.ndarray, Memory]:
        """One frame, (h, w, 3) each."""
        if len(self.calls) == self.fail_at:
            raise self.error
        assert image.shape == flow.shape
        assert image.dtype == flow.dtype == np.uint8
        grey = image.mean(axis=2, dtype=np.float32)
        level, known = float(grey.mean()), references.value[0, ::2, 0].tolist()
        self.calls.append((level, known))
        away = grey / 255 - 0.5 - float(np.mean(known)) / 2550 + (255 - flow.min(axis=2)) / 25500
        own = np.full((2, 2, 2), level, np.float32)
        return np.clip(0.5 + 2 * away, 0, 1).astype(np.float32), Memory(own, own)


class LooksAtDinov2(FakeBackend):
    """Its answer is what it is told of DINOv2, here `brightness`; it has one more feature, its own."""

    has_features = True

    def __init__(self, batch: int = 2) -> None:
        super().__init__(batch=batch)
        self.config = replace(self.config, dinov2=True)

    def __call__(self, images, flows, references, *, remember=False, features=False, dinov2=None):
        seen = super().__call__(images, flows, references, remember=remember)
        told = [brightness(image) for image in images] if dinov2 is None else dinov2
        size = images.shape[2], images.shape[1]
        probability = np.stack([cv2.resize(one[0], size, interpolation=cv2.INTER_NEAREST) for one in told])
        maps = [
            [image[None, ::4, ::4, 0].astype(np.float32), one]
            for image, one in zip(images, told, strict=True)
        ]
        return seen._replace(probability=np.clip(probability, 0, 1), features=maps if features else [])


def brightness(image: np.ndarray) -> np.ndarray:
    """What stands for DINOv2's features in tests: (h, w, 3) uint8 -> (1, h / 8, w / 8) float32 in [0, 1]."""
    size = image.shape[1] // 8, image.shape[0] // 8
    grey = cv2.resize(image, size, interpolation=cv2.INTER_AREA).mean(axis=2, dtype=np.float32)
    return grey[None] / 255


def use(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """Every `Segmenter` of this test runs this network."""
    monkeypatch.setattr(segmenter, "open_backend", lambda *_, **__: backend)
    monkeypatch.setattr(work, "_network", lambda *_: backend)
    work.segmenter_of.cache_clear()
    return backend


def image(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3) uint8: a grey level that tells the frame, and a bright square that moves."""
    picture = np.full((*size, 3), 10 + 2 * (index % 50), np.uint8)
    left = 3 * index % (size[1] - 20)
    picture[20:40, left : left + 20] = 240
    return picture


def truth(index: int) -> np.ndarray:
    """(H, W) bool: the square."""
    return image(index)[..., 0] > 200


def make_clip(path: Path, frames: int, **options: object) -> Path:
    """A video of `image`s that loses nothing."""
    return make_video(
        path,
        [image(i) for i in range(frames)],
        codec="ffv1",
        pixel_format="bgr0",
        **options,  # type: ignore[arg-type]
    )


def make_cut_clip(path: Path) -> Path:
    """An MP4 of 40 `image`s whose last third is gone."""
    make_video(path, [image(i) for i in range(40)], options={"g": "5"}, muxing={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


def levels(frames: range | list[int]) -> list[float]:
    """What the network sees of these frames' brightness."""
    return [float(image(index).mean()) for index in frames]


def threads() -> list[str]:
    """Names of the engine's threads that live; those of a network live as long as it does."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("dpa-") and not name.startswith("dpa-graph")]


def handles(path: Path) -> int:
    """How often this process has a file open."""
    names = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            continue
    return names.count(str(path.resolve()))


# `dpa` with the fake network, for a process of its own; the hook runs at every frame, n is its number.
PROGRAM = """
import os, signal, sys, time
sys.path[:0] = {paths!r}
# Where the tests run in the background of a shell, Ctrl-C is switched off.
signal.signal(signal.SIGINT, signal.default_int_handler)
import dpa.engine.segmenter
from engine_samples import FakeBackend

class Backend(FakeBackend):
    def one(self, *given):
        n = len(self.calls)
        {hook}
        return super().one(*given)

dpa.engine.segmenter.open_backend = lambda *_, **__: Backend()
sys.argv[0] = "dpa"
from dpa.cli import main
main()
"""


def program(hook: str = "pass") -> str:
    """Code for `python -c`, whose words are those of `dpa`."""
    here = Path(__file__).parent
    return PROGRAM.format(paths=[str(here), str(here / "video")], hook=hook)


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def tree(folder: Path) -> dict[str, bytes]:
    """The files of a folder with their content."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
