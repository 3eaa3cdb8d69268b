"""A look at all packets of a video file without decoding: how many frames, when, and where one can start."""

import struct
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import IO

import av
import numpy as np

from dpa.storage.ranges import Reader, Stored

# VP8 keeps its hidden reference frames in packets of their own: RFC 6386, 9.1, the show_frame bit.
_SHOWN_VP8 = 0x10
# Frames that may be lost before one whose place is looked for by its stamp.
_NEAR = 64
# Packets around one whose frames may be shown before or after its own.
_REORDERED = 16


@dataclass(frozen=True)
class PacketTable:
    """What the packets of one video stream say.

    Attributes:
        times: (count,) int64, presentation times of the frames in display order, in units of the stream's
            time base, rising; None where the packets have none.
        stamps: (count,) int64, the timestamps that the decoder gives the same frames; None where it gives
            others, and frames are known by their number only.
        keys: (K,) int64, timestamps of the frames that decoding can start from, ascending.
        count: frames in the file.
        declared: frames that the file's header promises, or `count` where it promises nothing more.
        cut: the file ends early, or its last packet is not whole.
        jumps: what `times` are ahead of the stamps after each place where these jump back.
    """

    times: np.ndarray | None
    stamps: np.ndarray | None
    keys: np.ndarray
    count: int
    declared: int
    cut: bool
    jumps: tuple[int, ...] = ()

    @property
    def sought(self) -> np.ndarray | None:
        """(count,) int64, timestamps that frames can be found by; None where they must be counted."""
        return None if self.jumps else self.stamps

    def time(self, index: int, stamp: int | None) -> int | None:
        """Presentation time of the decoder's frame `index`; its stamp tells where others were lost."""
        if self.times is None:
            return stamp
        if self.stamps is not None and stamp is not None:
            place = np.flatnonzero(self.stamps[index : index + _NEAR] == stamp)
            if len(place):
                return int(self.times[index + place[0]])
            if not self.jumps:
                return stamp
        return int(self.times[min(index, len(self.times) - 1)])

    def checked(self, found: Sequence[int | None]) -> "PacketTable":
        """The same without stamps where the decoder's first frames, `found`, have others."""
        if self.stamps is None or list(self.stamps[: len(found)]) == list(found):
            return self
        return replace(self, stamps=None)

    def counted(self, found: Sequence[int | None]) -> "PacketTable":
        """The same for all frames that the decoder gave: several packets may hold one, such as two fields."""
        stamps = np.array(found, np.int64) if None not in found and self.stamps is not None else None
        if stamps is not None and np.any(np.diff(stamps) <= 0):
            stamps = None
        return replace(self, times=stamps, stamps=stamps, count=len(found), declared=len(found), jumps=())


@dataclass
class _Packets:
    """What is gathered on the way: timestamps by part, a new one wherever the decoder's clock jumps back."""

    parts: list[list[int | None]] = field(default_factory=lambda: [[]])
    keys: list[int] = field(default_factory=list)
    duration: int = 1
    hidden: int = 0
    end: int = 0
    cut: bool = False
    last: int | None = None
    before: int | None = None
    strays: list[tuple[int, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(part) for part in self.parts)

    def add(self, packet: av.Packet) -> None:
        if packet.dts is not None:
            if self.before is not None and packet.dts > self.before and len(self.parts[-1]) == 1:
                # The clock is back where it was: one stamp was wrong, and nothing was joined.
                stray = self.parts.pop()
                self.parts[-1] += stray
                self.strays.append((len(self.parts) - 1, len(self.parts[-1]) - 1))
                self.before = None
            elif self.last is not None and packet.dts < self.last:
                self.parts.append([])
                self.before = self.last
            self.last = packet.dts
        self.cut = packet.is_corrupt
        self.duration = packet.duration or self.duration
        self.parts[-1].append(packet.pts)
        self.end = max(self.end, (packet.pts or 0) + (packet.duration or 0))
        if packet.is_keyframe and packet.pts is not None:
            self.keys.append(packet.pts)

    def mend(self) -> None:
        """Gives each frame whose stamp is wrong the time for which the others near it leave the most room."""
        for number, group in groupby(self.strays, key=lambda stray: stray[0]):
            places = {place for _, place in group}
            part = self.parts[number]
            known = sorted(s for i, s in enumerate(part) if s is not None and i not in places)
            for place in sorted(places):
                near = known[max(0, place - _REORDERED) : place + _REORDERED]
                room, stamp = max(((b - a, a) for a, b in pairwise(near)), default=(0, known[-1]))
                mended = part[place] = stamp + room // 2
                insort(known, mended)


def scan(
    path: Path | Stored,
    container: av.container.InputContainer,
    stream: av.VideoStream,
    first: int | None,
) -> PacketTable:
    """Reads all packets of a freshly opened container.

    Args:
        path: the file that is open in it.
        first: timestamp of the first frame that the decoder gives. Frames shown before it are not counted:
            where a recording starts in the middle of a group of pictures they lack what they refer to.
    """
    packets = _Packets()
    vp8 = stream.codec_context.name in ("vp8", "libvpx")
    try:
        for packet in container.demux(stream):
            # A packet of no bytes says that the frame before it stays.
            if packet.size == 0:
                continue
            if packet.is_discard or (vp8 and not memoryview(packet)[0] & _SHOWN_VP8):
                packets.hidden += 1
                continue
            packets.add(packet)
    except av.FFmpegError:
        packets.cut = True
    stamps, times, jumps = _timeline(packets, first)
    count = packets.count if times is None else len(times)
    read = packets.count + packets.hidden
    declared = count + _declared(path, container, stream, read, packets.end) - read
    keys = np.unique(np.array(packets.keys, np.int64))
    return PacketTable(times, stamps, keys, count, declared, packets.cut or declared > count, jumps)


def _timeline(
    packets: _Packets, first: int | None
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[int, ...]]:
    """Stamps in display order, the times that they stand for, and what was added at each jump back."""
    if first is None or any(None in part for part in packets.parts) or not packets.count:
        return None, None, ()
    packets.mend()
    # Two parts whose stamps overlap are a join; where they do not, the decoder's clock merely stumbled.
    stamps: list[np.ndarray] = []
    for part in packets.parts:
        now = np.sort(np.array(part, np.int64))
        if stamps and now[0] > stamps[-1][-1]:
            stamps[-1] = np.concatenate([stamps[-1], now])
        else:
            stamps.append(now)
    stamps[0] = stamps[0][stamps[0] >= first]
    if any(len(np.unique(part)) < len(part) for part in stamps) or not len(stamps[0]):
        return None, None, ()
    times, jumps = [stamps[0]], list[int]()
    for later in stamps[1:]:
        jumps.append(int(times[-1][-1]) + packets.duration - int(later[0]))
        times.append(later + jumps[-1])
    found = None if packets.strays else np.concatenate(stamps)
    return found, np.concatenate(times), tuple(jumps)


def _declared(
    path: Path | Stored,
    container: av.container.InputContainer,
    stream: av.VideoStream,
    packets: int,
    end: int,
) -> int:
    """Packets that the header promises, `packets` (those read) where it tells nothing more."""
    names = container.format.name
    if "mp4" in names:
        # Older PyAV does not show the index; a cut file is then known by its last packet alone.
        return max(packets, len(getattr(stream, "index_entries", ())))
    if "avi" in names:
        # The header counts empty chunks too, which are no packets: it is asked where the end is missing only.
        return max(packets, stream.frames) if _is_cut_riff(path) else packets
    duration = _matroska_duration(stream) if "matroska" in names else None
    if duration is None or not stream.average_rate or not stream.time_base:
        return packets
    missing = (duration - end * stream.time_base) * stream.average_rate
    # Less than two frames is rounding, or a last frame that is shown longer than its neighbours.
    return packets + (round(missing) if missing >= 2 else 0)


def _is_cut_riff(path: Path | Stored) -> bool:
    """Whether an AVI file ends before the last of its RIFF chunks does."""
    if isinstance(path, Stored):
        return _is_cut(path.open(), path.size)
    with path.open("rb") as file:
        return _is_cut(file, path.stat().st_size)


def _is_cut(file: IO[bytes] | Reader, size: int) -> bool:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        head += file.read(8 - len(head))
        name, length = struct.unpack("<4sI", head)
        if name != b"RIFF":
            return False
        place += 8 + length + length % 2
    return place > size + 1


def _matroska_duration(stream: av.VideoStream) -> Fraction | None:
    """The stream's own duration tag in seconds ("00:00:02.400000000"), as mkvmerge and FFmpeg write it."""
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (KeyError, ValueError):
        return None
