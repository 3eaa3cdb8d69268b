"""What a video file's own figures mean: its rate, its damage, the places where it can be entered."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from video_samples import make_video

from dpa.errors import InputError, TruncatedError
from dpa.video import files, open_source
from dpa.video.files import FileSource, SpooledSource


def table(**values: Any) -> Any:
    plain = {"declared": 9, "cut": False, "count": 9, "jumps": (), "sought": np.arange(0, 90, 10)}
    return SimpleNamespace(**plain | {"keys": np.array([0, 40, 80])} | values)


def complaint(got: int, errors: int, damaged: int, *, ended: bool = True, **values: Any) -> str:
    source: Any = SimpleNamespace(label="in.mp4", table=table(**values))
    try:
        FileSource._complain(source, got, errors, damaged, ended)
    except TruncatedError as error:
        return str(error)
    return ""


def test_frames_that_are_missing_are_counted_where_damage_is_known() -> None:
    lost = "in.mp4 is cut off or damaged: 2 of 9 frames could not be decoded"
    assert complaint(7, 1, 0) == lost
    assert complaint(7, 0, 0, cut=True) == lost
    assert complaint(7, 5, 3) == lost
    assert complaint(7, 0, 0) == "", "a count of packets is no proof"
    assert complaint(9, 0, 0, cut=True) == ""
    assert complaint(12, 0, 0, cut=True) == ""


def test_a_part_that_was_wanted_only_lacks_nothing() -> None:
    assert complaint(4, 0, 0, ended=False, cut=True) == ""
    assert complaint(4, 1, 0, ended=False) == "in.mp4 is damaged: 1 of 9 frames were decoded with errors"


def test_errors_and_damaged_pictures_are_the_same_ones() -> None:
    said = "in.mp4 is damaged: {} of 9 frames were decoded with errors"
    assert complaint(9, 2, 3) == said.format(3)
    assert complaint(9, 4, 3) == said.format(4)
    assert complaint(8, 0, 1) == said.format(1)


def entries(**values: Any) -> Sequence[int] | None:
    source: Any = SimpleNamespace(table=table(**values))
    get = FileSource.entries.fget
    assert get is not None
    return get(source)


def test_a_file_is_entered_at_its_key_frames() -> None:
    assert entries() == [0, 4, 8]
    assert entries(keys=np.array([-20, -10, 40, 900])) == [0, 4]
    assert entries(keys=np.array([35, 40])) == [4]
    assert entries(sought=None) is None
    assert entries(cut=True) is None


def rate(first: int | None, second: int | None, counted: int = 50) -> Fraction:
    one, two = (SimpleNamespace(pts=stamp) for stamp in (first, second))
    unit = Fraction(1, 100)
    return files._frame_rate(Fraction(counted), one, two, unit)  # type: ignore[arg-type]


def test_a_rate_may_count_fields() -> None:
    assert rate(0, 2) == rate(5, 7) == 50
    assert rate(0, 4) == rate(3, 7) == 25
    assert rate(0, 3) == 50, "one and a half"
    assert rate(None, 4) == rate(0, None) == 50
    assert files._frame_rate(Fraction(50), SimpleNamespace(pts=0), None, Fraction(1)) == 50  # type: ignore[arg-type]


def test_a_decoder_that_gives_fewer_frames_than_packets() -> None:
    stamps = np.array([0, 2, 4, 6, 8])
    assert files._skips([0, 4, 8], stamps)
    assert files._skips([0, 4, None], stamps) is False, "three packets up to the last one that is known"
    assert not files._skips([0, 2, 4], stamps)
    assert not files._skips([0, 2, 3, 4], stamps), "nor more"
    assert not files._skips([None], stamps)
    assert not files._skips([], stamps)


def test_times_that_are_not_stamped_are_those_of_the_rate(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "a.mp4", 4)) as source:
        assert isinstance(source, FileSource)
        assert source._since_first(None, 3) == source.time_of(3) == Fraction(3, 25)
        source._first = None
        assert source._since_first(9999, 3) == Fraction(3, 25)
        source.rate = None
        assert source._since_first(9999, 3) is None


def test_a_part_ends_where_it_is_to_end(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "a.mp4", 9, options={"g": "4"})) as source:
        for start, stop in ((0, 1), (3, 7), (4, 5), (8, 9)):
            assert [frame.index for frame in source.part(start, stop)] == list(range(start, stop))
        assert [frame.index for frame in source.part(7, 99)] == [7, 8]
        source.close()
        source.close()


@pytest.mark.parametrize("index", [-1, 4])
def test_there_is_no_such_frame(tmp_path: Path, index: int) -> None:
    with (
        open_source(make_video(tmp_path / "a.mp4", 4)) as source,
        pytest.raises(InputError, match=f"a.mp4 has 4 frames, there is no frame {index}"),
    ):
        # Before any work: not after the frames that there are.
        next(source.pairs_at([0, index]))


def test_a_file_reads_itself_by_any_name(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 1)
    (tmp_path / "link.mp4").symlink_to(path)
    with open_source(tmp_path / "link.mp4") as source:
        assert source.reads(path)
        assert source.reads(tmp_path / "b" / ".." / "a.mp4")
        assert not source.reads(tmp_path)


def test_a_spooled_file_goes_with_its_source(tmp_path: Path) -> None:
    path = make_video(tmp_path / "x.mp4", 2)
    source = SpooledSource(path, "stdin", 0, True, "standard input")
    assert (source.name, source.label, source.count) == ("stdin", "standard input", 2)
    source.close()
    assert not path.exists()
    source.close()


def test_a_spooled_file_that_is_none_goes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(b"nothing" * 99)
    with pytest.raises(InputError, match="standard input is not a video"):
        SpooledSource(path, "stdin", 0, True, "standard input")
    assert not path.exists()
    with pytest.raises(InputError):
        SpooledSource(path, "stdin", 0, True, "standard input")


def test_a_sound_track_starts_the_clock_of_a_transport_stream(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "a.ts", 4)
    with open_source(plain) as source:
        assert source.origin == source.start > 0
        origin = source.origin
        assert isinstance(source, FileSource)
        early = SimpleNamespace(start_time=5, time_base=Fraction(1, 100))
        silent = SimpleNamespace(start_time=None, time_base=Fraction(1))
        late = SimpleNamespace(start_time=900, time_base=Fraction(1, 2))
        for tracks, expected in (([late, early], Fraction(1, 20)), ([late, silent], origin), ([], origin)):
            reader: Any = SimpleNamespace(container=SimpleNamespace(streams=SimpleNamespace(audio=tracks)))
            assert source._origin(reader) == expected
    with open_source(make_video(tmp_path / "b.mp4", 4, stamps=[5, 6, 7, 8])) as source:
        assert source.origin == 0
        assert source.start == Fraction(5, 25)
