"""What every source does: reading to the end, and damage that is said once."""

from pathlib import Path

import pytest
from video_samples import make_folder

from dpa.errors import InputError, TruncatedError
from dpa.video import open_source
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
