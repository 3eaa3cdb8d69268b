"""Frames that a program has already: arrays, all at once or one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np

from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.source import Source

Arrays = np.ndarray | Sequence[np.ndarray] | Iterable[np.ndarray]
"""(H, W, 3) uint8 RGB each: a list, one (T, H, W, 3) array, or an iterator that is read once."""


class ArraySource(Source):
    """Arrays as a source: a sequence can be sought in, an iterator is live.

    Args:
        arrays: at least one.
        rate: frames a second, where they have one.

    Raises:
        InputError: there are none, or one is not a (H, W, 3) uint8 array of the first one's size.
    """

    name = "frames"

    def __init__(self, arrays: Arrays, rate: Fraction | None = None) -> None:
        self.rate = rate
        self.time_base = None if rate is None else 1 / rate
        if isinstance(arrays, np.ndarray) and arrays.ndim == 3:
            arrays = arrays[None]
        if isinstance(arrays, (Sequence, np.ndarray)):
            self.kind = "image" if len(arrays) == 1 else "folder"
            self._known: Sequence[np.ndarray] | np.ndarray | None = arrays
            self._coming: Iterator[np.ndarray] = iter(())
            first: Any = arrays[0] if len(arrays) else None
        else:
            self.kind, self.live, self._known = "live", True, None
            self._coming = iter(arrays)
            first = next(self._coming, None)
            self._coming = chain([first], self._coming)
        if first is None:
            raise InputError("there are no frames: give at least one (H, W, 3) uint8 array")
        self.size = check_frame(first, 0, None)

    @property
    def count(self) -> int | None:
        return None if self._known is None else len(self._known)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        if self._known is not None:
            for index in range(start, len(self._known)):
                yield self._frame(self._known[index], index)
            return
        if start:
            raise InputError(f"{self.name} come from an iterator, which is read once only, from its start")
        coming, self._coming = self._coming, iter(())
        for index, image in enumerate(coming):
            yield self._frame(image, index)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        if self._known is None:
            raise InputError(f"{self.name} come from an iterator, which cannot be sought in")
        count = len(self._known)
        for index in indices:
            if not 0 <= index < count:
                raise InputError(f"there are {count} frames, there is no frame {index}")
            after = self._frame(self._known[index + 1], index + 1) if index + 1 < count else None
            yield self._frame(self._known[index], index), after

    def _frame(self, image: np.ndarray, index: int) -> Frame:
        check_frame(image, index, self.size)
        return Frame(image, index, None if self.rate is None else index / self.rate)


def check_frame(image: Any, index: int, size: tuple[int, int] | None) -> tuple[int, int]:
    """The size of a frame that a program has given, (H, W).

    Args:
        image: should be (H, W, 3) uint8.
        index: of the frame, for the error.
        size: that it must have; None for any.

    Raises:
        InputError: it is something else, or of another size.
    """
    if not (
        isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    ):
        what = (
            f"a {image.dtype} array of shape {image.shape}"
            if isinstance(image, np.ndarray)
            else f"a {type(image).__name__}"
        )
        raise InputError(f"frame {index} is {what}: frames are (H, W, 3) uint8 arrays, RGB")
    height, width = image.shape[:2]
    if size is not None and (height, width) != size:
        raise InputError(
            f"frame {index} is {width}x{height} but the first is {size[1]}x{size[0]}: "
            "all frames of one video must have one size"
        )
    return height, width


def arrays_of(source: Any) -> Arrays | None:
    """The source itself where it is made of arrays; None where it is something else, such as paths.

    Anything but text, paths and sequences of paths counts as arrays, so that an error names what is wrong.
    """
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, Sequence):
        of_arrays = len(source) > 0 and isinstance(source[0], np.ndarray)
        return source if of_arrays and not isinstance(source, (str, bytes)) else None
    return source if isinstance(source, Iterator) else None
