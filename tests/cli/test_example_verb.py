"""`dpa example`."""

from pathlib import Path

import pytest


@pytest.mark.slow
def test_make_then_check(command, tmp_path: Path) -> None:
    clip, masks = tmp_path / "clip.mp4", tmp_path / "masks"
    code, out, err = command("example", clip, "--masks", masks, "--frames", "3")
    assert (code, err) == (0, "")
    assert "3 frames" in out
    assert len(list(masks.iterdir())) == 3
    code, out, _ = command("example", "--check", masks, "--frames", "3")
    assert code == 0
    assert "J 100.0 over 3 frames" in out


def test_nothing_asked(command) -> None:
    code, out, err = command("example")
    assert (code, out) == (1, "")
    assert "dpa example clip.mp4" in err


def test_masks_of_something_else(command, tmp_path: Path) -> None:
    code, _, err = command("example", "--check", tmp_path)
    assert code == 1
    assert "48 frames" in err
