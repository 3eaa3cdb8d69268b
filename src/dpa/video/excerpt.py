"""A part of a source, as what it is written to sees it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dpa.video.frame import Frame
from dpa.video.source import FALLBACK_RATE, Source


class Excerpt(Source):
    """The frames of a source from one to another, silent, on a clock that starts with them.

    Frames keep their indices and names. It is for sinks; the source stays its owner's, and open.

    Args:
        source: whose frames they are.
        start: index of the first one.
        end: index of the one after the last.
    """

    def __init__(self, source: Source, start: int, end: int) -> None:
        self._whole, self._start, self._end = source, start, end
        self.kind, self.name, self.size, self.rate = source.kind, source.name, source.size, source.rate
        self.start, self.time_base, self.aspect = source.start, source.time_base, source.aspect
        self.hdr, self.url = source.hdr, source.url
        time = source.time_of(start)
        if time is None:
            time = start / (source.rate or FALLBACK_RATE)
        self.origin = source.start + time

    @property
    def count(self) -> int:
        return self._end - self._start

    def frames(self, start: int = 0) -> Iterator[Frame]:
        return self._whole.part(self._start + start, self._end)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        return self._whole.pairs_at([self._start + index for index in indices])

    def frame_name(self, index: int) -> str:
        return self._whole.frame_name(index)

    def reads(self, path: Path) -> bool:
        return self._whole.reads(path)
