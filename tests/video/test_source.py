"""What every source does: reading to the end, and damage that is said once."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from video_samples import make_folder

from dpa.errors import InputError, TruncatedError
from dpa.video import Frame, Source, open_source
from engine_samples import make_cut_clip


def test_reading_ends_at_damage_which_is_said_to_who_asks(tmp_path: Path) -> None:
    path = make_cut_clip(tmp_path / "cut.mp4")
    with open_source(path) as source:
        assert source.damage is None
        indices = [frame.index for frame in source.read(3)]
        assert indices == list(range(3, indices[-1] + 1))
        with pytest.raises(TruncatedError, match="of 40 frames") as caught:
            source.check()
        assert caught.value is source.damage
        assert next(source.read()).index == 0
        source.check()  # each reading is its own


def test_other_errors_are_not_taken_for_damage(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in", ["0.png", "1.png"])
    with open_source(folder) as source:
        (folder / "1.png").write_bytes(b"")
        with pytest.raises(InputError):
            list(source.read())
        source.check()


class Numbers(Source):
    """Frames that are their numbers."""

    name, size, kind = "numbers", (1, 1), "folder"

    def __init__(self, count: int) -> None:
        self._count, self.closed = count, 0

    @property
    def count(self) -> int:
        return self._count

    def frames(self, start: int = 0) -> Iterator[Frame]:
        try:
            for index in range(start, self._count):
                yield Frame(np.zeros((1, 1, 3), np.uint8), index)
        finally:
            self.closed += 1

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        raise NotImplementedError


def test_what_sources_have_without_saying_so() -> None:
    source = Numbers(9)
    assert (source.rate, source.start, source.origin, source.aspect, source.length) == (None, 0, 0, 1, None)
    assert (source.live, source.sound, source.path, source.url, list(source.jumps)) == (
        False,
        False,
        None,
        "",
        [],
    )
    assert source.entries is None
    assert source.time_of(3) is None
    source.rate = Fraction(10)
    assert source.time_of(3) == Fraction(3, 10)
    assert not source.reads(Path())
    assert [source.frame_name(index) for index in (0, 12345, 123456)] == ["00000", "12345", "123456"]
    source.stop()


def test_a_part_ends_what_it_reads() -> None:
    source = Numbers(9)
    for start, stop, expected in ((2, 5, [2, 3, 4]), (7, 99, [7, 8]), (3, 3, [])):
        assert [frame.index for frame in source.part(start, stop)] == expected
        assert [frame.index for frame in source.read(start, stop)] == expected
    started = source.closed
    part = source.part(0, 9)
    next(part)
    assert source.closed == started
    part.close()  # type: ignore[attr-defined]
    assert source.closed == started + 1


def test_what_was_brought_here_goes_with_the_source(tmp_path: Path) -> None:
    source = Numbers(1)
    source.fetched = TemporaryDirectory(dir=tmp_path)
    with source:
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())
    source.close()
