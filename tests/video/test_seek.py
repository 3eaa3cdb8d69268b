"""Where decoding starts for a frame, and what is done where a container lands elsewhere."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.errors import InputError
from dpa.video.packets import PacketTable
from dpa.video.seek import Seeker

STEP, GROUP = 10, 5
"""Ticks from frame to frame, and frames from key frame to key frame."""


class File:
    """Stands for the readers of a video whose frames have the stamps 0, STEP, ...

    Attributes:
        late: seeking lands so many frames behind the key frame.
        refuses: it cannot be sought.
        decoded: stamps of the frames that were decoded, by move; "open" and "seek S" before them.
    """

    def __init__(
        self, count: int, late: int = 0, refuses: bool = False, corrupt: frozenset[int] = frozenset()
    ):
        self.count, self.late, self.refuses, self.corrupt = count, late, refuses, corrupt
        self.decoded: list[Any] = []
        self.opened: list[bool] = []
        self.closed = 0

    def open(self, slices: bool) -> Any:
        self.opened.append(slices)
        self.decoded.append("open")
        return Reader(self)

    def table(self, keys: list[int] | None = None, sought: bool = True, cut: bool = False) -> PacketTable:
        stamps = np.arange(self.count) * STEP
        places = np.array(range(0, self.count, GROUP) if keys is None else keys)
        return PacketTable(
            stamps if sought else None, stamps if sought else None, places * STEP, self.count, self.count, cut
        )

    def seeker(self, **table: Any) -> Seeker:
        return Seeker(self.open, "a.mp4", self.table(**table))


class Reader:
    errors = 7

    def __init__(self, file: File) -> None:
        self.file, self.at = file, 0

    def seek(self, stamp: int) -> None:
        self.file.decoded.append(f"seek {stamp // STEP}")
        if self.file.refuses:
            raise av.FFmpegError(1, "no")
        self.at = min(stamp // STEP // GROUP * GROUP + self.file.late, self.file.count)

    def decoded(self) -> Iterator[Any]:
        while self.at < self.file.count:
            self.file.decoded.append(self.at)
            self.at += 1
            yield SimpleNamespace(pts=STEP * (self.at - 1), is_corrupt=self.at - 1 in self.file.corrupt)

    def close(self) -> None:
        self.file.closed += 1


def indices(pictures: Any) -> list[int]:
    return [picture.pts // STEP for picture in pictures]


@settings(max_examples=200, deadline=None)
@given(
    count=st.integers(1, 23),
    late=st.integers(0, 7),
    refuses=st.booleans(),
    sought=st.booleans(),
    data=st.data(),
)
def test_every_frame_is_found_wherever_seeking_lands(
    count: int, late: int, refuses: bool, sought: bool, data: st.DataObject
) -> None:
    seeker = File(count, late, refuses).seeker(sought=sought)
    for index in data.draw(st.lists(st.integers(0, count - 1), max_size=8)):
        if data.draw(st.booleans()):
            one, after = seeker.pair(index)
            assert indices([one]) == [index]
            assert indices([after] if after else []) == list(range(index + 1, min(index + 2, count)))
        else:
            assert indices(seeker.read_from(index)) == list(range(index, count))


def test_from_the_last_key_frame_at_or_before() -> None:
    file = File(30)
    seeker = file.seeker()
    assert indices([seeker.pair(17)[0], seeker.pair(10)[0]]) == [17, 10]
    assert file.decoded == ["open", "seek 15", 15, 16, 17, 18, "seek 10", 10, 11]


def test_going_on_where_no_key_frame_is_nearer() -> None:
    file = File(30)
    seeker = file.seeker()
    for index in (0, 1, 3, 4, 12):
        seeker.pair(index)
    # The fourth frame was decoded with the third one; after the fifth a key frame is nearer.
    assert file.decoded == ["open", 0, 1, 2, 3, 4, 5, "seek 10", 10, 11, 12, 13]
    again = File(30)
    seeker = again.seeker()
    seeker.pair(3), seeker.pair(5)
    # The frame that comes next is that key frame.
    assert again.decoded == ["open", 0, 1, 2, 3, 4, 5, 6]


def test_one_key_frame_earlier_and_at_last_from_the_beginning() -> None:
    file = File(30, late=2)
    assert indices([file.seeker().pair(21)[0]]) == [21]
    assert file.decoded == ["open", "seek 20", 22, "seek 15", 17, 18, 19, 20, 21, 22]
    file = File(30, late=8)
    assert indices([file.seeker().pair(21)[0]]) == [21]
    assert file.decoded[:5] == ["open", "seek 20", 28, "seek 15", 23]
    assert file.decoded[5:] == ["open", *range(23)]
    assert file.closed == 1


def test_no_seek_to_the_first_frame() -> None:
    file = File(30)
    file.seeker().pair(3)
    assert file.decoded == ["open", 0, 1, 2, 3, 4]
    file = File(30, late=9)
    file.seeker().pair(7)
    assert file.decoded == ["open", "seek 5", 14, "open", *range(9)]


def test_what_cannot_be_sought_is_read_from_its_beginning() -> None:
    file = File(30, refuses=True)
    assert indices([file.seeker().pair(12)[0]]) == [12]
    assert file.decoded == ["open", "seek 10", "seek 5", "open", *range(14)]


def test_without_stamps_frames_are_counted() -> None:
    file = File(12)
    seeker = file.seeker(sought=False)
    for index in (3, 4, 9, 2):
        assert indices([seeker.pair(index)[0]]) == [index]
    assert file.decoded == ["open", *range(11), "open", 0, 1, 2, 3]


def test_a_damaged_frame_is_looked_for_from_farther_back() -> None:
    file = File(30, corrupt=frozenset({12}))
    assert indices([file.seeker().pair(12)[0]]) == [12]
    assert [one for one in file.decoded if isinstance(one, str)] == ["open", "seek 10", "seek 5", "open"]


def test_damage_counts_once_a_whole_frame_has_come() -> None:
    file = File(12, corrupt=frozenset({0, 1, 2, 5, 8}))
    seeker = file.seeker()
    assert len(list(seeker.read_from(0))) == 12
    assert seeker.damaged == 2
    assert seeker.errors == 7
    assert File(1).seeker().errors == 0


def test_a_cut_file_is_read_without_frame_threads() -> None:
    for cut in (False, True):
        file = File(4)
        file.seeker(cut=cut).pair(0)
        assert file.opened == [cut]


def test_beyond_the_end_there_is_nothing() -> None:
    file = File(4)
    assert list(file.seeker().read_from(4)) == []
    assert file.decoded == []
    empty = File(0).seeker(sought=False)
    with pytest.raises(InputError, match=r"a\.mp4 has no frame 0 that can be decoded"):
        list(empty.read_from(0))


def test_frames_without_a_stamp_are_passed_over() -> None:
    file = File(6)
    file.open(False)
    seeker = file.seeker()
    reader = Reader(file)
    whole = list(reader.decoded())
    whole[1].pts = None
    reader.decoded = lambda: iter(whole)  # type: ignore[method-assign]
    seeker._open = lambda _: reader  # type: ignore[assignment,return-value]
    assert seeker.pair(2)[0] is whole[2]


def test_closing_gives_the_file_back() -> None:
    file = File(6)
    seeker = file.seeker()
    seeker.close()
    assert file.closed == 0
    seeker.pair(1)
    seeker.close()
    assert file.closed == 1
    assert next(seeker._stream, None) is None
