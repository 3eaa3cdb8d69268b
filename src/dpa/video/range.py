"""Some frames of a video, as what writes results sees them: a video of its own that begins at zero."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.source import FALLBACK_RATE, Source


class Range(Source):
    """Frames `start` to `end` of another source, which stays open and has its damage.

    A range that a user has chosen, a video of its own; `Excerpt` is a piece that is to be joined to others.

    Args:
        source: a video that can be sought.
        start, end: the first frame, and the one after the last.

    Raises:
        InputError: there are no such frames.

    Example:
        >>> from dpa.video import open_source
        >>> with open_source("in.mp4") as source:
        ...     inside = Range(source, 1, 3)
        ...     [(frame.index, str(frame.time)) for frame in inside.frames()]
        [(0, '0'), (1, '1/25')]
    """

    def __init__(self, source: Source, start: int, end: int) -> None:
        if source.count is None or not 0 <= start < end <= source.count:
            frames = "no known end" if source.count is None else f"{source.count} frames"
            raise InputError(f"{source.name} has {frames}: there are none from {start} to {end}")
        self.first, self._end, self._source = start, end, source
        self.kind, self.name, self.size, self.rate = source.kind, source.name, source.size, source.rate
        self.time_base, self.aspect, self.path = source.time_base, source.aspect, source.path
        self.sound, self.hdr, self.jumps = source.sound, source.hdr, source.jumps
        ((frame, _),) = source.pairs_at([start])
        ((last, _),) = source.pairs_at([end - 1])
        self._time = frame.time
        if frame.time is not None and last.time is not None:
            self.start = self.origin = source.start + frame.time
            self.length = last.time - frame.time + 1 / (source.rate or FALLBACK_RATE)

    @property
    def count(self) -> int:
        return self._end - self.first

    def taken(self, frame: Frame) -> Frame:
        """A frame of the other source, with its place and time in this one."""
        time = None if frame.time is None or self._time is None else frame.time - self._time
        return replace(frame, index=frame.index - self.first, time=time)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        for frame in self._source.frames(self.first + start):
            if frame.index >= self._end:
                return
            yield self.taken(frame)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        for frame, after in self._source.pairs_at([self.first + index for index in indices]):
            inside = after is not None and after.index < self._end
            yield self.taken(frame), self.taken(after) if inside and after else None

    def reads(self, path: Path) -> bool:
        return self._source.reads(path)
