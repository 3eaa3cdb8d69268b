"""What the motion stream looks at: a flow picture for every frame, read where one is given, else computed."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path

from dpa.arrays import Flow, Image
from dpa.engine.config import SegmenterConfig
from dpa.engine.frame_data import FrameData
from dpa.engine.threads import Clock
from dpa.errors import InputError
from dpa.flow.colour import flow_to_image
from dpa.flow.estimator import FlowEstimator
from dpa.flow.stream import flows, pair_flow
from dpa.video.frame import Frame
from dpa.video.images import read_image
from dpa.video.source import Source

Given = Sequence[Path | None] | None
"""For every frame a flow picture that exists already, or None where flow is to be computed; None: for all."""


class FlowInput:
    """The flow pictures of one video.

    Args:
        source: the video.
        estimator: computes flow; None: the frames stand for their flow pictures.
        config: says at which size, and how it is drawn.
        clock: times reading, estimating and drawing.
        given: pictures that exist already.

    Raises:
        InputError: pictures are given, but not one entry a frame.
    """

    def __init__(
        self,
        source: Source,
        estimator: FlowEstimator | None,
        config: SegmenterConfig,
        clock: Clock,
        given: Given = None,
    ) -> None:
        if given is not None and len(given) != source.count:
            frames = "a live source" if source.count is None else f"{source.count} frames"
            raise InputError(
                f"{source.name}: {len(given)} flow pictures for {frames}: give one entry a frame"
            )
        self._source, self._estimator, self._clock = source, estimator, clock
        self._size, self._floor, self._given = config.flow_size, config.flow_floor, given

    def stream(self, frames: Generator[Frame, None, None], start: int) -> Generator[FrameData, None, None]:
        """Every frame from index `start` on with its flow and picture; closes `frames`."""
        if self._given is not None:
            yield from self._partly(frames, start)
            return
        if self._estimator is None:
            with closing(frames):
                yield from (FrameData(frame, frame.image) for frame in frames if frame.index >= start)
            return
        timed = _Timed(self._estimator, self._clock)
        with closing(frames):
            for _, shot in groupby(frames, key=lambda frame: frame.shot):
                for frame, flow in flows(shot, timed, self._size, skip=lambda frame: frame.index < start):
                    yield FrameData(frame, self._draw(flow), flow)

    def picture(self, index: int, image: Image, following: Image | None, previous: Image | None) -> Image:
        """One frame's flow picture, given its neighbours as `dpa.flow.stream.pair_flow` wants them.

        Raises:
            InputError: a given picture cannot be read.
        """
        path = self._given[index] if self._given is not None else None
        if path is not None:
            return read_image(path)
        if self._estimator is None:
            return image
        flow = pair_flow(self._estimator, image, following, previous, self._size)
        return flow_to_image(flow, self._floor)

    def _partly(self, frames: Generator[Frame, None, None], start: int) -> Generator[FrameData, None, None]:
        assert self._given is not None
        timed = None if self._estimator is None else _Timed(self._estimator, self._clock)
        with closing(frames):
            for before, frame, after in _in_shots(frames):
                if frame.index < start:
                    continue
                path, flow = self._given[frame.index], None
                if path is not None:
                    with self._clock.time("flow"):
                        picture = read_image(path)
                elif timed is None:
                    picture = frame.image
                else:
                    flow = pair_flow(timed, frame.image, after, before, self._size)
                    picture = self._draw(flow)
                yield FrameData(frame, picture, flow)

    def _draw(self, flow: Flow) -> Image:
        with self._clock.time("colour"):
            return flow_to_image(flow, self._floor)


def _in_shots(frames: Iterable[Frame]) -> Iterator[tuple[Image | None, Frame, Image | None]]:
    """Each frame with the images before and after it in its shot."""
    before, this = None, None
    for frame in frames:
        cut = this is not None and frame.shot != this.shot
        if this is not None:
            yield before, this, None if cut else frame.image
        before, this = None if cut or this is None else this.image, frame
    if this is not None:
        yield before, this, None


class _Timed:
    """A flow estimator whose work is timed."""

    def __init__(self, estimator: FlowEstimator, clock: Clock) -> None:
        self.name, self.recipe = estimator.name, estimator.recipe
        self._estimator, self._clock = estimator, clock

    def __call__(self, first: Image, second: Image) -> Flow:
        with self._clock.time("flow"):
            return self._estimator(first, second)
