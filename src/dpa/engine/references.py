"""Which frames are references: evenly spaced ones of a file, a reservoir of the past for live input."""

import random
from collections.abc import Callable, Generator
from contextlib import suppress

from dpa.arrays import Image
from dpa.backends import Backend, Memory
from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.source import Source

Inputs = tuple[Image, Image]
"""A frame and its flow picture at the network's size, each (h, w, 3) uint8."""
Pair = tuple[Frame, Frame | None]
"""A frame and the one after it."""
Look = Callable[[int, Image, Image | None, Image | None], Inputs]
"""A frame's inputs, from its index, its image and those of the next and the previous frame."""
Encode = Callable[[list[Inputs]], list[Memory]]
"""Own prototypes of frames, from their inputs."""


def reference_indices(count: int, n: int) -> list[int]:
    """Frames i * (T // N), i = 0..N-1 (paper); all frames of a video shorter than N.

    Args:
        count: T, frames of the video.
        n: N, at least 1.
    """
    n = min(n, count)
    return [i * (count // n) for i in range(n)]


def from_file(
    source: Source, n: int, look: Look, encode: Encode, span: tuple[int, int] | None = None
) -> Memory | None:
    """Prototypes of a file's references, found by seeking.

    Args:
        span: the first frame, and the one after the last, that they are chosen from, as if these were a video
            of their own; None for all.

    Returns:
        None if none of them can be decoded (a damaged file).
    """
    start, end = span or (0, source.count or 0)
    frames = []
    for index, pair in _pairs(source, [start + i for i in reference_indices(end - start, n)]):
        with suppress(InputError):
            frames.append(look(index, *_beside(source, index, pair, (start, end))))
    return Memory.join(encode(frames)) if frames else None


def neighbours(source: Source, index: int) -> tuple[Image, Image | None, Image | None]:
    """A frame's image, the next one's, and, where there is no next one, the previous one's; found by seeking.

    Raises:
        InputError: one of them cannot be decoded.
    """
    (pair,) = source.pairs_at([index])
    return _beside(source, index, pair, (0, index + 2))


def _pairs(source: Source, indices: list[int]) -> Generator[tuple[int, Pair], None, None]:
    """Frames with those after them, by one reader. Where a file is damaged they are missing; the pass itself
    will say so.
    """
    left = indices
    while left:
        try:
            for pair in source.pairs_at(left):
                index, *left = left
                yield index, pair
        except InputError:
            left = left[1:]


def _beside(
    source: Source, index: int, pair: Pair, span: tuple[int, int]
) -> tuple[Image, Image | None, Image | None]:
    frame, following = pair
    start, end = span
    if following is not None and index + 1 < end:
        return frame.image, following.image, None
    if index == start:
        return frame.image, None, None
    ((previous, _),) = source.pairs_at([index - 1])
    return frame.image, None, previous.image


class Reservoir:
    """A uniform sample of all past frames' prototypes, of bounded size (Vitter 1985, algorithm R).

    The choice is seeded: the same input gives the same masks.
    """

    def __init__(self, n: int) -> None:
        self._n, self._seen = n, 0
        self._parts: list[Memory] = []
        self._random = random.Random(0)
        self._joined: Memory | None = None

    @property
    def memory(self) -> Memory | None:
        """All that is kept, as one set of references; None before the first frame."""
        if self._joined is None and self._parts:
            self._joined = Memory.join(self._parts)
        return self._joined

    def add(self, own: Memory) -> None:
        """Offer a frame that has just been segmented."""
        self._seen += 1
        if len(self._parts) < self._n:
            self._parts.append(own)
        elif (place := self._random.randrange(self._seen)) < self._n:
            self._parts[place] = own
        else:
            return
        self._joined = None


def prepare(
    source: Source,
    backend: Backend,
    n: int,
    look: Look,
    encode: Encode,
    span: tuple[int, int] | None = None,
) -> Memory | Reservoir:
    """References for frames of a source: by seeking where it can be sought, else gathered on the way.

    Args:
        span: of the frames, see `from_file`.
    """
    if not backend.config.ifa:
        return Memory.blank(backend.config)
    return (None if source.live else from_file(source, n, look, encode, span)) or Reservoir(n)
