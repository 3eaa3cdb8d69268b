"""Video files: linear reading, frame-exact seeking, and what to say about damaged ones."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import numpy as np

from dpa.errors import InputError, TruncatedError
from dpa.storage.ranges import Stored
from dpa.video.convert import Converter
from dpa.video.decode import Reader, check_storage, readable
from dpa.video.frame import Frame
from dpa.video.packets import PacketTable, scan
from dpa.video.seek import Seeker
from dpa.video.source import Source

# Containers that hold every frame's own time; of others the decoder's first frames show whether theirs are
# right.
_STAMPED = ("mp4", "matroska")
_CHECKED = 16
# Containers whose times mean what they say; in the others the clock starts anywhere.
_CLOCKS_FROM_ZERO = ("mp4", "matroska")


class FileSource(Source):
    """A video file of any container and codec that FFmpeg reads.

    Args:
        path: the file, on this machine or in a storage.
        threads: decoder threads; 0 leaves it to FFmpeg.
        alpha: whether transparency is kept; without it colours come as they are stored.
        label: what to call it in sentences; by default its path.
        hdr: whether high dynamic range is kept beside the tone-mapped picture (`Frame.coded`).

    Raises:
        InputError: where the file cannot be read, is no video, or has no frame that can be decoded.
    """

    kind = "video"

    def __init__(
        self,
        path: Path | Stored,
        threads: int = 0,
        alpha: bool = True,
        label: str = "",
        *,
        hdr: bool = False,
    ) -> None:
        self.path = path
        self.label = label or str(path)
        self.name = path.stem
        self._threads, self._alpha = threads, alpha
        with closing(self._reader()) as reader:
            pictures = reader.decoded()
            first = next(pictures, None)
            if first is None:
                raise InputError(f"{self.label} has no frame that can be decoded: is it a whole video?")
            stream = reader.stream
            self._converter = Converter(first, alpha, hdr)
            self.hdr = self._converter.hdr
            self.size = self._converter.size
            self.time_base = reader.unit
            self.rate = stream.average_rate or stream.guessed_rate
            if first.interlaced_frame and self.rate:
                self.rate = _frame_rate(self.rate, first, next(pictures, None), reader.unit)
            self.sound = len(reader.container.streams.audio) > 0
            self._first = first.pts
            self._interlaced = first.interlaced_frame
            self._joined = not any(name in reader.container.format.name for name in _CLOCKS_FROM_ZERO)
            # In a recording that was joined at any moment what precedes the first good frame does not count;
            # in other files it is lost.
            self._counted_from = -(1 << 62) if reader.errors and not self._joined else first.pts
            self.start = (first.pts or 0) * reader.unit
            self.origin = self._origin(reader)
            aspect = stream.sample_aspect_ratio or Fraction(1)
            self.aspect = 1 / aspect if self._converter.orientation.transpose else aspect

    def _origin(self, reader: Reader) -> Fraction:
        if not self._joined:
            return min(self.start, Fraction(0))
        starts = [
            s.start_time * s.time_base
            for s in reader.container.streams.audio
            if s.start_time is not None and s.time_base is not None
        ]
        return min([self.start, *starts])

    def reads(self, path: Path) -> bool:
        return isinstance(self._file, Path) and path.resolve() == self._file.resolve()

    @cached_property
    def table(self) -> PacketTable:
        """What the packets say, from one pass over them, made once. That of another reader may be set."""
        with closing(self._reader()) as reader:
            table = scan(self._file, reader.container, reader.stream, self._counted_from)
            check_storage(self._file)
            stamped = any(name in reader.container.format.name for name in _STAMPED)
        if (stamped and not self._interlaced) or self._first is None:
            return table
        with closing(self._reader()) as reader:
            found = [picture.pts for picture in islice(reader.decoded(), _CHECKED)]
            if self._interlaced and table.sought is not None and _skips(found, table.sought):
                # A packet a field: how many of them make a frame, only the decoder knows.
                rest = [picture.pts for picture in reader.decoded()]
                return table.counted([*found, *rest])
        return table.checked(found)

    def _reader(self, slices: bool = False) -> Reader:
        return Reader(readable(self._file), self.label, self._threads, slices, self._alpha)

    @property
    def jumps(self) -> Sequence[Fraction]:  # type: ignore[override]
        return [jump * (self.time_base or Fraction(1)) for jump in self.table.jumps]

    @property
    def warnings(self) -> Sequence[str]:  # type: ignore[override]
        times = len(self.table.jumps)
        if not times:
            return ()
        return (
            f"{self.label}: its clock jumps back {times} time{'s' * (times > 1)}, as where recordings were "
            "joined: times go on from there",
        )

    @property
    def _file(self) -> Path | Stored:
        assert self.path is not None
        return self.path

    @property
    def count(self) -> int:
        """Number of frames, from one pass over the packets (made once, without decoding)."""
        return self.table.count

    @property
    def entries(self) -> Sequence[int] | None:
        table = self.table
        if table.sought is None or table.cut:
            return None
        places = np.searchsorted(table.sought, table.keys)
        return [int(place) for place in np.unique(places) if place < table.count]

    def time_of(self, index: int) -> Fraction | None:
        stamps = self.table.times
        return self._since_first(None if stamps is None else int(stamps[index]), index)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        return self.part(start)

    def part(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        convert = self._converter.copy()
        with closing(Seeker(self._reader, self.label, self.table)) as seeker:
            index, harmless = start, 0
            for picture in seeker.read_from(start):
                if index == start and (start or self._joined):
                    # What lies before the first frame wanted may lack its references: that is no damage.
                    harmless = seeker.errors
                yield self._frame(convert, picture, index)
                index += 1
                if index == stop:
                    break
            self._complain(index, seeker.errors - harmless, seeker.damaged, ended=index != stop)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        for index in indices:
            if not 0 <= index < self.count:
                raise InputError(f"{self.label} has {self.count} frames, there is no frame {index}")
        convert = self._converter.copy()
        with closing(Seeker(self._reader, self.label, self.table)) as seeker:
            for index in indices:
                picture, after = seeker.pair(index)
                frame = self._frame(convert, picture, index)
                if after is None:
                    yield frame, None
                else:
                    yield frame, self._frame(convert, after, index + 1)

    def _frame(self, convert: Converter, picture: av.VideoFrame, index: int) -> Frame:
        return Frame(index=index, time=self._time(picture, index), **convert(picture))

    def _time(self, picture: av.VideoFrame, index: int) -> Fraction | None:
        return self._since_first(self.table.time(index, picture.pts), index)

    def _since_first(self, stamp: int | None, index: int) -> Fraction | None:
        if stamp is not None and self._first is not None and self.time_base is not None:
            return (stamp - self._first) * self.time_base
        return index / self.rate if self.rate else None

    def close(self) -> None:
        if isinstance(self.path, Stored):
            self.path.close()

    def _complain(self, got: int, errors: int, damaged: int, ended: bool) -> None:
        table = self.table
        # A count of packets is no proof: it is damage where the decoder said so or the end is missing.
        lost = max(table.declared - got, 0) if ended and (errors or table.cut) else 0
        if lost:
            raise TruncatedError(
                f"{self.label} is cut off or damaged: {lost} of {table.declared} frames could not be decoded"
            )
        if damaged or errors:
            raise TruncatedError(
                f"{self.label} is damaged: {max(damaged, errors)} of {table.declared} frames "
                "were decoded with errors"
            )


class SpooledSource(FileSource):
    """A video file that is ours, and goes when the source is closed.

    Args:
        path: the file.
        name: what outputs are named after.
        threads, alpha, label: as for `FileSource`.
    """

    def __init__(self, path: Path, name: str, threads: int, alpha: bool, label: str) -> None:
        try:
            super().__init__(path, threads, alpha, label)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self.name, self._spooled = name, path

    def close(self) -> None:
        self._spooled.unlink(missing_ok=True)


def _frame_rate(
    rate: Fraction, first: av.VideoFrame, second: av.VideoFrame | None, unit: Fraction
) -> Fraction:
    """Frames a second where the container may have counted fields."""
    if second is None or second.pts is None or first.pts is None:
        return rate
    return rate / 2 if (second.pts - first.pts) * unit * rate > Fraction(3, 2) else rate


def _skips(found: Sequence[int | None], stamps: np.ndarray) -> bool:
    """Whether the decoder gave fewer frames than there are packets up to the last of them."""
    known = [stamp for stamp in found if stamp is not None]
    return bool(known) and int(np.count_nonzero(stamps <= max(known))) > len(found)
