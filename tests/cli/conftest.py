"""What tests of several verbs share."""

from pathlib import Path

import pytest

from engine_samples import make_clip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with clip.mkv of seven frames."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mkv", 7)
    return tmp_path
