"""Frame-exact moving about in a video file."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Literal

import av

from dpa.errors import InputError
from dpa.video.decode import Reader
from dpa.video.packets import PacketTable

# Where to start decoding: go on from here, open the file anew, or seek to a timestamp.
_Start = Literal["here", "beginning"] | int


class Seeker:
    """A place in a video file that can be moved to any frame.

    With trusted timestamps it seeks to the last key frame at or before the target and decodes up to it.
    Whether the frames that come out are the right ones is checked by their timestamps, not believed of the
    container; where they are not, it starts one key frame earlier and at last from the beginning. Without
    trusted timestamps it counts frames from the beginning.

    Args:
        opener: opens the file anew; its argument is `Reader`'s `slices`.
        label: what to call the file in sentences.
        table: what the packets say.
    """

    def __init__(self, opener: Callable[[bool], Reader], label: str, table: PacketTable) -> None:
        self._open, self._label, self._table = opener, label, table
        self._reader: Reader | None = None
        self._stream: Iterator[av.VideoFrame] = iter(())
        self._next: int | None = 0
        self._last: tuple[int, av.VideoFrame] | None = None
        self._clean = False
        self.damaged = 0

    @property
    def errors(self) -> int:
        """Packets that could not be decoded since the last move."""
        return self._reader.errors if self._reader else 0

    def close(self) -> None:
        self._stream = iter(())
        if self._reader is not None:
            self._reader.close()

    def read_from(self, index: int) -> Iterator[av.VideoFrame]:
        """Yields the frames from `index` to the end."""
        if index >= self._table.count > 0:
            return
        yield self._find(index)
        while (picture := self._step()) is not None:
            yield picture

    def pair(self, index: int) -> tuple[av.VideoFrame, av.VideoFrame | None]:
        """Frame `index` and the one after it."""
        picture = self._find(index)
        return picture, self._step()

    def _find(self, index: int) -> av.VideoFrame:
        if self._last is not None and self._last[0] == index:
            return self._last[1]
        nearest: av.VideoFrame | None = None
        for start in self._starts(index):
            self._move(start)
            nearest = self._decode_to(index) or nearest
            if nearest is not None and self._is_right(nearest, index):
                break
        if nearest is None:
            raise InputError(f"{self._label} has no frame {index} that can be decoded")
        self._next, self._last = index + 1, (index, nearest)
        return nearest

    def _is_right(self, picture: av.VideoFrame, index: int) -> bool:
        times = self._table.sought
        return times is None or (picture.pts == times[index] and not picture.is_corrupt)

    def _starts(self, index: int) -> Iterator[_Start]:
        times, keys = self._table.sought, self._table.keys
        ahead = self._reader is not None and self._next is not None and self._next <= index
        if times is None:
            yield "here" if ahead else "beginning"
            return
        at = bisect_right(keys, times[index]) - 1
        if ahead and (at < 0 or keys[at] <= times[self._next]):
            yield "here"
        for key in keys[max(at - 1, 0) : at + 1][::-1]:
            if key > times[0]:
                yield int(key)
        yield "beginning"

    def _move(self, start: _Start) -> None:
        if start == "here":
            return
        self._last = self._next = None
        if start == "beginning" or self._reader is None:
            self.close()
            self._reader = self._open(self._table.cut)
        if start == "beginning":
            self._next = 0
        else:
            try:
                self._reader.seek(start)
            except av.FFmpegError:
                self._stream = iter(())
                return
        self._stream = self._reader.decoded()

    def _decode_to(self, index: int) -> av.VideoFrame | None:
        """Decodes up to frame `index`, or the first one after it; the last there is where the file ends
        before.
        """
        times = self._table.sought
        nearest: av.VideoFrame | None = None
        at = self._next or 0
        for picture in self._stream:
            nearest = picture
            if at >= index if times is None else _stamp(picture) >= times[index]:
                break
            at += 1
        return nearest

    def _step(self) -> av.VideoFrame | None:
        picture = next(self._stream, None)
        if picture is not None and self._next is not None:
            # A stream that was joined in the middle starts with damaged frames: that is no damage of the
            # file.
            self._clean = self._clean or not picture.is_corrupt
            self.damaged += self._clean and picture.is_corrupt
            self._last = (self._next, picture)
            self._next += 1
        return picture


def _stamp(picture: av.VideoFrame) -> int:
    return -(1 << 62) if picture.pts is None else picture.pts
