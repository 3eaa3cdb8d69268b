"""The examples in docstrings are run as they stand."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from engine_samples import FakeBackend, make_clip

MODULES = [
    "dpa.datasets.naming",
    "dpa.engine.config",
    "dpa.engine.results",
    "dpa.engine.segmenter",
    "dpa.video.read",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: FakeBackend) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mkv", 3).rename(tmp_path / "in.mp4")
    module = import_module(name)
    done = doctest.testmod(module, extraglobs={"np": np}, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted > 0
    assert done.failed == 0
