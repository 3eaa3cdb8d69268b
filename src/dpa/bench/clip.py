"""What is measured on: the first frames of a video, and the network's inputs made of them."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice

import numpy as np

from dpa.bench.settings import BenchSettings
from dpa.engine.references import neighbours
from dpa.errors import InputError
from dpa.flow.colour import flow_to_image
from dpa.flow.estimator import make_estimator
from dpa.flow.stream import pair_flow
from dpa.model.config import DPAConfig
from dpa.model.size import fit
from dpa.video.frame import Frame
from dpa.video.read import open_source
from dpa.video.source import Source

Pictures = tuple[np.ndarray, np.ndarray]
"""A frame and its flow picture at the network's size, (h, w, 3) uint8 each."""


class Head(Source):
    """The first frames of a source.

    Args:
        source: is closed with this one.
        frames: how many, at most.
    """

    def __init__(self, source: Source, frames: int) -> None:
        for name in Source.__annotations__:
            setattr(self, name, getattr(source, name))
        self._source, self._frames = source, frames

    @property
    def count(self) -> int:
        return min(self._frames, self._source.count or 0)

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        yield from islice(self._source.frames(start), self.count - start)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        for index, (frame, following) in zip(indices, self._source.pairs_at(indices), strict=True):
            yield frame, following if index + 1 < self.count else None

    def frame_name(self, index: int) -> str:
        return self._source.frame_name(index)

    def close(self) -> None:
        self._source.close()


@contextmanager
def opened(settings: BenchSettings) -> Iterator[Head]:
    """The video's first frames.

    Raises:
        InputError: it cannot be read, never ends, or has a single frame.
    """
    with closing(Head(open_source(settings.video), settings.frames)) as head:
        if head.live or head.count < 2:
            raise InputError(f"{settings.video}: give a file or folder of at least two frames")
        yield head


def pictures(settings: BenchSettings, config: DPAConfig, indices: Sequence[int]) -> list[Pictures]:
    """The network's inputs for some frames, as `dpa segment` makes them.

    Flow is always by DIS here, so that no flow network's memory is counted as this network's.
    """
    estimator = make_estimator("dis")
    found = []
    with opened(settings) as head:
        size = settings.for_network(config).working_size(head.size)
        for index in indices:
            image, following, previous = neighbours(head, index)
            flow = pair_flow(estimator, image, following, previous, settings.flow_size)
            found.append((fit(image, size), fit(flow_to_image(flow, settings.flow_floor), size)))
    return found
