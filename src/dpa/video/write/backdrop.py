"""What stands behind the object: a colour, the frame itself blurred, or a picture or video of one's own."""

import re
from abc import ABC, abstractmethod
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import cast

import cv2
import numpy as np

from dpa.arrays import Alpha, Image
from dpa.errors import InputError
from dpa.files import user_path
from dpa.video.frame import Frame
from dpa.video.read import open_source
from dpa.video.source import FALLBACK_RATE, Source

GREEN = "green"
BLUR = "blur"
# Share of the frame's shorter side; and how much smaller the blur is computed.
_SIGMA, _SHRINK = 0.03, 4
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Backdrop(ABC):
    """Pictures of the background, one for each frame; a context manager."""

    @abstractmethod
    def behind(self, frame: Frame, alpha: Alpha) -> Image:
        """(H, W, 3) uint8 RGB, of the frame's size.

        Args:
            frame: before which it stands.
            alpha: (H, W) uint8, of the object.

        Raises:
            InputError: a picture or video of one's own cannot be decoded.
        """

    def reads(self, path: Path) -> bool:
        """Whether it reads `path`: writing there would destroy it."""
        return False

    def close(self) -> None:  # noqa: B027 - most hold nothing open
        """Give back what is held open."""

    def __enter__(self) -> "Backdrop":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_backdrop(what: str) -> Backdrop | None:
    """The backdrop that a word stands for.

    Args:
        what: "green", "blur", a colour as #rrggbb, or the name of a picture or video. Pictures fill the
            frame and are cut where their shape is another; videos begin anew at their end.

    Returns:
        None for the green of chroma keys, which is painted without pictures.

    Raises:
        InputError: it is none of these, or cannot be read.

    Example:
        >>> backdrop = open_backdrop("#0000ff")
        >>> frame = Frame(np.zeros((2, 3, 3), np.uint8), 0)
        >>> backdrop.behind(frame, np.zeros((2, 3), np.uint8))[0, 0].tolist()
        [0, 0, 255]
    """
    if what == GREEN:
        return None
    if what == BLUR:
        return _Blurred()
    if COLOUR.fullmatch(what):
        return _Coloured(cast("tuple[int, int, int]", tuple(bytes.fromhex(what[1:]))))
    if not user_path(what).is_file():
        raise InputError(f"background {what}: give green, blur, a colour as #1e90ff, or a picture or video")
    return _Filmed(open_source(what))


class _Coloured(Backdrop):
    def __init__(self, colour: tuple[int, int, int]) -> None:
        self._colour = colour

    def behind(self, frame: Frame, alpha: Alpha) -> Image:
        return np.full((*frame.image.shape[:2], 3), self._colour, np.uint8)


class _Blurred(Backdrop):
    """The frame out of focus. Where the object is, what is around it: its colours would glow beside it."""

    def behind(self, frame: Frame, alpha: Alpha) -> Image:
        height, width = alpha.shape
        size = (-(-width // _SHRINK), -(-height // _SHRINK))
        image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        share = cv2.merge([1.0 - share / 255] * 3)
        sigma = _SIGMA * min(size)
        seen = cv2.GaussianBlur(image * share, (0, 0), sigma)
        weight = cv2.GaussianBlur(share, (0, 0), sigma)
        # Far inside a large object nothing is near: there it is the frame's own blur.
        filled = (seen + 1e-3 * cv2.GaussianBlur(image, (0, 0), sigma)) / (weight + 1e-3)
        large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.clip(large + 0.5, 0, 255).astype(np.uint8)


class _Filmed(Backdrop):
    """A source's pictures at the frame's time, from the beginning again after the end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._frames: Generator[Frame, None, None] | None = None
        self._last: Frame | None = None

    def behind(self, frame: Frame, alpha: Alpha) -> Image:
        rate = self._source.rate or FALLBACK_RATE
        time = frame.time if frame.time is not None else Fraction(frame.index) / rate
        return _filling(self._at(int(time * rate) % max(1, self._source.count or 1)).image, alpha.shape)

    def reads(self, path: Path) -> bool:
        return self._source.reads(path)

    def close(self) -> None:
        if self._frames is not None:
            self._frames.close()
        self._source.close()

    def _at(self, index: int) -> Frame:
        last = self._last
        if last is not None and last.index == index:
            return last
        if self._frames is None or last is None or not last.index < index <= last.index + 16:
            if self._frames is not None:
                self._frames.close()
            self._frames = cast("Generator[Frame, None, None]", self._source.read(index))
        for found in self._frames:
            self._last = found
            if found.index >= index:
                return found
        self._frames = None
        if self._last is None:
            raise InputError(f"background {self._source.name} has no frame that can be decoded")
        return self._last


def _filling(image: Image, size: tuple[int, ...]) -> Image:
    """Scaled until it fills a frame of (H, W), and cut at its centre."""
    (height, width), (h, w) = size, image.shape[:2]
    scale = max(height / h, width / w)
    large = (max(width, round(w * scale)), max(height, round(h * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, large, interpolation=how)
    top, left = (large[1] - height) // 2, (large[0] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])
