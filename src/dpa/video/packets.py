"""A look at all packets of a video file without decoding: how many frames, when, and where one can start."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

# VP8 keeps its hidden reference frames in packets of their own: RFC 6386, 9.1, the show_frame bit.
_SHOWN_VP8 = 0x10


@dataclass(frozen=True)
class PacketTable:
    """What the packets of one video stream say.

    Attributes:
        times: (count,) int64, presentation timestamps of the frames in display order, in units of the
            stream's time base; None where the file has none that can be trusted, and frames must be counted
            from the start.
        keys: (K,) int64, timestamps of the frames that decoding can start from, ascending.
        count: frames in the file.
        declared: frames that the file's header promises, or `count` where it promises nothing more.
        cut: the file ends early, or its last packet is not whole.
    """

    times: np.ndarray | None
    keys: np.ndarray
    count: int
    declared: int
    cut: bool


def scan(container: av.container.InputContainer, stream: av.VideoStream, first: int | None) -> PacketTable:
    """Reads all packets of a freshly opened container.

    Args:
        first: timestamp of the first frame that the decoder gives. Frames shown before it are not counted:
            where a recording starts in the middle of a group of pictures they lack what they refer to.
    """
    times: list[int | None] = []
    keys: list[int] = []
    ordered, cut, last_dts, discarded = True, False, None, 0
    end = 0
    vp8 = stream.codec_context.name in ("vp8", "libvpx")
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if packet.is_discard or (vp8 and not memoryview(packet)[0] & _SHOWN_VP8):
                discarded += 1
                continue
            if packet.dts is not None:
                ordered = ordered and (last_dts is None or packet.dts > last_dts)
                last_dts = packet.dts
            cut = packet.is_corrupt
            times.append(packet.pts)
            end = max(end, (packet.pts or 0) + (packet.duration or 0))
            if packet.is_keyframe and packet.pts is not None:
                keys.append(packet.pts)
    except av.FFmpegError:
        cut = True
    shown = _usable(times, first) if ordered else None
    count = len(times) if shown is None else len(shown)
    declared = max(
        count, _declared(container, stream, len(times) + discarded, end) - (len(times) - count) - discarded
    )
    return PacketTable(shown, np.unique(np.array(keys, np.int64)), count, declared, cut or declared > count)


def _usable(times: list[int | None], first: int | None) -> np.ndarray | None:
    if first is None or any(time is None for time in times):
        return None
    array = np.array(times, np.int64)
    unique = np.unique(array)
    return unique[unique >= first] if len(unique) == len(array) else None


def _declared(container: av.container.InputContainer, stream: av.VideoStream, packets: int, end: int) -> int:
    """Packets that the header promises, `packets` (those read) where it tells nothing more."""
    names = container.format.name
    if "mp4" in names:
        # Older PyAV does not show the index; a cut file is then known by its last packet alone.
        return max(packets, len(getattr(stream, "index_entries", ())))
    if "avi" in names:
        return max(packets, stream.frames)
    duration = _matroska_duration(stream) if "matroska" in names else None
    if duration is None or not stream.average_rate or not stream.time_base:
        return packets
    missing = (duration - end * stream.time_base) * stream.average_rate
    # Less than two frames is rounding, or a last frame that is shown longer than its neighbours.
    return packets + (round(missing) if missing >= 2 else 0)


def _matroska_duration(stream: av.VideoStream) -> Fraction | None:
    """The stream's own duration tag in seconds ("00:00:02.400000000"), as mkvmerge and FFmpeg write it."""
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (KeyError, ValueError):
        return None
