"""What packets say: how many frames there are, when they are shown, and whether the end is missing."""

import io
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.video import packets
from dpa.video.packets import PacketTable, scan


class Packet(bytes):
    """A packet as PyAV gives it."""

    pts: int | None
    dts: int | None
    duration: int | None
    is_keyframe: bool
    is_corrupt: bool
    is_discard: bool

    @property
    def size(self) -> int:
        return len(self)


def packet(
    pts: int | None,
    dts: int | None = None,
    *,
    key: bool = False,
    duration: int | None = 2,
    data: bytes = b"\x10",
    corrupt: bool = False,
    discard: bool = False,
) -> Packet:
    made = Packet(data)
    made.pts, made.dts, made.duration = pts, pts if dts is None else dts, duration
    made.is_keyframe, made.is_corrupt, made.is_discard = key, corrupt, discard
    return made


def table(
    given: list[Packet],
    *,
    first: int | None = 0,
    container: str = "mpegts",
    codec: str = "h264",
    fails: bool = False,
    path: Path = Path("a"),
    **stream: Any,
) -> PacketTable:
    def demux(_: Any) -> Any:
        yield from given
        if fails:
            raise av.FFmpegError(1, "broken")

    whole = {"average_rate": Fraction(25), "time_base": Fraction(1, 50), "metadata": {}, "frames": 0}
    told: Any = SimpleNamespace(codec_context=SimpleNamespace(name=codec), **whole | stream)
    opened: Any = SimpleNamespace(demux=demux, format=SimpleNamespace(name=container))
    return scan(path, opened, told, first)


def test_frames_in_the_order_in_which_they_are_shown() -> None:
    made = table([packet(0, -2, key=True), packet(4, 0), packet(2, 2), packet(8, 4, key=True), packet(6, 6)])
    assert made.times is not None
    assert made.times.tolist() == [0, 2, 4, 6, 8]
    assert made.keys.tolist() == [0, 8]
    assert (made.count, made.declared, made.cut, made.jumps) == (5, 5, False, ())
    assert made.sought is made.stamps


def test_what_comes_before_the_first_good_frame_does_not_count() -> None:
    made = table([packet(t) for t in (0, 2, 4, 6, 8)], first=4)
    assert made.times is not None
    assert (made.times.tolist(), made.count, made.declared) == ([4, 6, 8], 3, 3)


def test_empty_and_hidden_packets_are_no_frames() -> None:
    some = [packet(0), packet(2, data=b""), packet(4, discard=True), packet(6, data=b"\x00"), packet(8)]
    assert table(some).count == 3
    hidden = table(some, codec="vp8")
    assert hidden.times is not None
    assert hidden.times.tolist() == [0, 8]
    assert table(some, codec="libvpx").count == 2
    # They are read all the same: an index that counts them promises no more than there is.
    indexed = table(some, codec="vp8", container="mov,mp4", index_entries=range(4))
    assert (indexed.declared, indexed.cut) == (2, False)
    lacking = table(some, codec="vp8", container="mov,mp4", index_entries=range(7))
    assert (lacking.declared, lacking.cut) == (5, True)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("corrupt", [False, True])
def test_the_end_is_missing_where_the_last_packet_is_not_whole(corrupt: bool, fails: bool) -> None:
    some = [packet(0, corrupt=True), packet(2, corrupt=corrupt)]
    assert table(some, fails=fails).cut == (corrupt or fails)


def test_without_stamps_frames_are_counted() -> None:
    for made in (
        table([packet(0), packet(None, 1), packet(4)]),
        table([packet(0), packet(2)], first=None),
        table([packet(0), packet(2), packet(2, 3)]),
        table([packet(0), packet(2)], first=9),
    ):
        assert (made.times, made.stamps, made.jumps) == (None, None, ())
        assert made.count in (2, 3)
    assert table([]).count == 0


def test_a_join_goes_on_a_frame_after_the_last_one() -> None:
    made = table([packet(t) for t in (10, 12, 14, 1, 3, 5, 0, 2)], first=10)
    assert made.times is not None
    assert made.stamps is not None
    assert made.times.tolist() == [10, 12, 14, 16, 18, 20, 22, 24]
    assert made.stamps.tolist() == [10, 12, 14, 1, 3, 5, 0, 2]
    assert made.jumps == (15, 22)
    assert made.sought is None


def test_the_frame_before_a_join_lasts_as_long_as_its_packets_say() -> None:
    made = table(
        [packet(10, duration=3), packet(13, duration=0), packet(0, duration=None), packet(3)], first=10
    )
    assert made.jumps == (13 + 2,)
    assert table([packet(10, duration=0), packet(13, duration=0), packet(0, duration=0)], first=10).jumps == (
        14,
    )


def test_a_clock_that_stumbles_is_no_join() -> None:
    # The order of decoding goes back, the frames that come then are shown later all the same.
    made = table([packet(0, 10), packet(2, 12), packet(4, 3), packet(6, 5)])
    assert made.times is not None
    assert made.times.tolist() == [0, 2, 4, 6]
    assert made.jumps == ()
    overlapping = table([packet(0, 10), packet(4, 12), packet(4, 3), packet(6, 5)])
    assert overlapping.jumps == (2,)


def test_one_wrong_stamp_gets_the_time_that_is_free() -> None:
    stamps = [0, 2, 4, 6, 8, 2, 12, 14, 16]
    made = table([packet(t) for t in stamps])
    assert made.times is not None
    assert made.times.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert made.stamps is None
    assert (made.jumps, made.count) == ((), 9)
    two = table([packet(t) for t in [0, 2, 4, 1, 8, 10, 12, 3, 16, 18]])
    assert two.times is not None
    assert two.times.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_a_wrong_stamp_looks_for_room_near_its_own_place() -> None:
    # A pause, longer than what is missing, sixteen frames away.
    far = [2 * i for i in range(40)]
    far = [t if t < 10 else t + 50 for t in far]
    far[30] = 1
    made = table([packet(t) for t in far])
    assert made.times is not None
    assert made.times[30] == 2 * 30 + 50
    behind = [2 * i if i < 60 else 2 * i + 50 for i in range(70)]
    behind[30] = 1
    made = table([packet(t) for t in behind])
    assert made.times is not None
    assert made.times[30] == 2 * 30
    near = [t if t < 30 else t + 50 for t in (2 * i for i in range(40))]
    near[30] = 1
    made = table([packet(t) for t in near])
    assert made.times is not None
    assert made.times.tolist() == sorted({*near, 28 + 26} - {1})


def test_a_stamp_alone_behind_others_is_a_join() -> None:
    made = table([packet(10), packet(12), packet(0)], first=10)
    assert made.jumps == (14,)
    other = table([packet(10), packet(12), packet(0), packet(12)], first=10)
    assert other.jumps == (14,), "the clock is not ahead of where it was"


STAMPED = PacketTable(
    np.array([0, 2, 4, 6]), np.array([5, 7, 9, 11]), np.array([5]), count=4, declared=4, cut=False
)


def test_a_frames_stamp_tells_its_place() -> None:
    assert [STAMPED.time(index, stamp) for index, stamp in enumerate((5, 7, 9, 11))] == [0, 2, 4, 6]
    assert STAMPED.time(1, 9) == 4, "one was lost before it"
    assert STAMPED.time(2, 7) == 7, "not behind where it should be: as the decoder says"
    assert STAMPED.time(1, None) == 2
    assert STAMPED.time(9, None) == 6
    unknown = PacketTable(None, None, np.array([]), 4, 4, False)
    assert unknown.time(1, 77) == 77
    assert unknown.time(1, None) is None
    joined = PacketTable(STAMPED.times, STAMPED.stamps, STAMPED.keys, 4, 4, False, jumps=(3,))
    assert joined.time(2, 7) == 4
    counted = PacketTable(STAMPED.times, None, STAMPED.keys, 4, 4, False)
    assert counted.time(1, 999) == 2


def test_a_stamp_is_looked_for_nearby_only() -> None:
    places = np.arange(200)
    long = PacketTable(places, 1000 + places, places[:1], 200, 200, False, jumps=(1,))
    assert long.time(10, 1000 + 73) == 73
    assert long.time(10, 1000 + 74) == 10


def test_the_decoders_first_frames_show_whether_stamps_are_right() -> None:
    assert STAMPED.checked([5, 7]) is STAMPED
    wrong = STAMPED.checked([5, 8])
    assert wrong.stamps is None
    assert wrong.times is STAMPED.times
    assert wrong.checked([1]) is wrong


def test_what_the_decoder_has_counted() -> None:
    made = STAMPED.counted([5, 9])
    assert made.times is not None
    assert (made.times.tolist(), made.count, made.declared, made.jumps) == ([5, 9], 2, 2, ())
    assert made.stamps is made.times
    for found in ([5, None], [5, 5], [5, 4]):
        assert STAMPED.counted(found).times is None
    assert STAMPED.checked([1]).counted([5, 9]).times is None


def chunk(length: int, name: bytes = b"RIFF") -> bytes:
    """A chunk of a RIFF file: an odd length has a byte behind it that does not count."""
    return name + length.to_bytes(4, "little") + bytes(length + length % 2)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(0, 60))
def test_a_riff_file_is_cut_where_its_last_chunk_does_not_end(lengths: list[int], lost: int) -> None:
    whole = b"".join(map(chunk, lengths))
    data = whole[: max(len(whole) - lost, 0)]
    # A byte may be lacking that fills up; what is left of less than a header is not looked at.
    ends = np.cumsum([0, *(len(chunk(length)) for length in lengths)])
    begun = max(int(end) for end in ends if end == 0 or end <= len(data) - 8 or end >= len(whole))
    last = next(int(end) for end in ends if end > min(begun, len(data) - 8)) if len(data) >= 8 else 0
    assert packets._is_cut(io.BytesIO(data), len(data)) == (last > len(data) + 1)


def test_other_chunks_say_nothing() -> None:
    data = chunk(5) + chunk(900, b"JUNK")[:20]
    assert not packets._is_cut(io.BytesIO(data), len(data))


def test_an_avi_is_asked_for_its_frames_only_where_it_is_cut(tmp_path: Path) -> None:
    whole = tmp_path / "a.avi"
    for data, declared in ((chunk(20), 3), (chunk(20)[:-4], 9)):
        whole.write_bytes(data)
        some = [packet(t) for t in (0, 2, 4)]
        made = table(some, container="avi", path=whole, frames=9)
        assert (made.count, made.declared, made.cut) == (3, declared, declared > 3)
    assert table(some, container="avi", path=whole, frames=1).declared == 3


@pytest.mark.parametrize(
    ("seconds", "missing"), [("0.12", 0), ("0.159", 0), ("0.20", 2), ("0.29", 4), ("1.0", 22), ("0.0", 0)]
)
def test_a_matroska_file_says_how_long_it_should_be(seconds: str, missing: int) -> None:
    # Three frames of 1/25 s.
    metadata = {"DURATION": f"00:00:0{seconds}"}
    made = table([packet(t) for t in (0, 2, 4)], container="matroska,webm", metadata=metadata)
    assert made.declared == 3 + missing
    assert made.cut == (missing > 0)


def test_matroskas_hours_and_minutes() -> None:
    def told(text: str) -> Fraction | None:
        stream: Any = SimpleNamespace(metadata={"DURATION": text})
        return packets._matroska_duration(stream)

    assert told("02:03:04.500000000") == 2 * 3600 + 3 * 60 + Fraction(9, 2)
    assert told("soon") is None
    assert told("1:2") is None
    silent: Any = SimpleNamespace(metadata={})
    assert packets._matroska_duration(silent) is None


def test_a_file_that_promises_nothing_has_what_it_has() -> None:
    some = [packet(0), packet(2)]
    metadata = {"DURATION": "00:00:09.0"}
    assert table(some, metadata=metadata).declared == 2
    for lacking in ({"average_rate": None}, {"time_base": None}, {"metadata": {}}):
        told = {"metadata": metadata} | lacking
        assert table(some, container="matroska,webm", **told).declared == 2
    assert table(some, container="mov,mp4").declared == 2


def test_the_end_is_that_of_the_frame_shown_last() -> None:
    metadata = {"DURATION": "00:00:00.20"}
    # 1/50 s ticks: the frame shown last ends at 10 ticks, 0.2 s, and is not the last packet.
    made = table([packet(0), packet(8), packet(4, 9)], container="matroska,webm", metadata=metadata)
    assert made.declared == 3
    made = table([packet(None, 0, duration=None), packet(4)], container="matroska,webm", metadata=metadata)
    assert made.declared == 2 + 2
