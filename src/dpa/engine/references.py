"""Reference frames, and what is known of them: evenly spaced ones of a file, a reservoir of the past for live
input.
"""

import random
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dpa.arrays import Features, Image, Probability
from dpa.backends import Memory
from dpa.engine.target import Moments, Target
from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.source import Source


class Inputs(NamedTuple):
    """What the network is shown of a frame.

    Attributes:
        image, picture: the frame and its flow picture at the network's size, (h, w, 3) uint8.
        dinov2: what DINOv2 gives of the frame, (384, y, x) float32; None where that is not known yet.
    """

    image: Image
    picture: Image
    dinov2: NDArray[np.float32] | None = None


Pair = tuple[Frame, Frame | None]
"""A frame and the one after it."""
Look = Callable[[int, Image, Image | None, Image | None], Inputs]
"""A frame's inputs, from its index, its image and those of the next and the previous frame."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What the network says of a reference frame.

    Attributes:
        memory: the frame's own prototypes.
        probability: of the object, (h, w) float32.
        features: of the appearance encoder; none where no target is wanted.
    """

    memory: Memory
    probability: Probability
    features: Features = ()

    @cached_property
    def moments(self) -> Moments | None:
        """What the target model is fitted to; None where none is wanted."""
        return Moments.of(self.probability, self.features) if self.features else None


class References(NamedTuple):
    """What all frames of a video are segmented with.

    Attributes:
        memory: prototypes of the reference frames.
        target: what the object looks like in them; None where that is not wanted, or they show no object.
    """

    memory: Memory
    target: Target | None = None

    @classmethod
    def join(cls, parts: list[Reference]) -> "References":
        """Several reference frames as one set."""
        moments = [part.moments for part in parts if part.moments is not None]
        return cls(
            Memory.join([part.memory for part in parts]), Moments.sum(moments).target() if moments else None
        )


Encode = Callable[[list[Inputs]], list[Reference]]
"""What the network says of frames, from their inputs."""


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
) -> References | None:
    """A file's references, found by seeking.

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
    return References.join(encode(frames)) if frames else None


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
    """A uniform sample of all past frames, of bounded size (Vitter 1985, algorithm R).

    The choice is seeded: the same input gives the same masks.
    """

    def __init__(self, n: int) -> None:
        self._n, self._seen = n, 0
        self._parts: list[Reference] = []
        self._random = random.Random(0)
        self._joined: References | None = None

    @property
    def references(self) -> References | None:
        """All that is kept, as one set; None before the first frame."""
        if self._joined is None and self._parts:
            self._joined = References.join(self._parts)
        return self._joined

    def add(self, part: Reference) -> None:
        """Offer a frame that has just been segmented."""
        self._seen += 1
        if len(self._parts) < self._n:
            self._parts.append(part)
        elif (place := self._random.randrange(self._seen)) < self._n:
            self._parts[place] = part
        else:
            return
        self._joined = None
