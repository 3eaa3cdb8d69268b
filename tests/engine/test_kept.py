"""Probabilities that are kept: the same masks again, without the network."""

import json
from pathlib import Path

import numpy as np
import pytest

from dpa.engine.kept import Kept
from dpa.engine.segmenter import Segmenter
from engine_samples import FakeBackend, make_clip, tree


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mkv", 9)


def test_what_is_kept_comes_back_to_the_bit(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    probability = np.random.default_rng(0).random((5, 7), dtype=np.float32)
    kept.put(12, probability)
    assert np.array_equal(kept.get(12), probability)
    assert kept.get(11) is None


@pytest.mark.parametrize("every", [1, 3])
def test_masks_are_made_again_without_the_network(clip: Path, tmp_path: Path, every: int) -> None:
    first, kept = FakeBackend(), Kept(tmp_path / "kept")
    segmenter = Segmenter(backend=first, every=every)
    segmenter.write(clip, [(tmp_path / "one", "soft"), (tmp_path / "m", "mask")], kept=kept)
    assert kept.whole
    assert json.loads((kept.folder / "whole.json").read_text()) == {"frames": 9}
    seen = len(first.calls)
    segmenter.write(clip, [(tmp_path / "two", "soft"), (tmp_path / "n", "mask")], kept=kept)
    assert len(first.calls) == seen
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert tree(tmp_path / "m") == tree(tmp_path / "n")


def test_other_settings_of_masks_are_those_of_a_run_with_the_network(clip: Path, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    Segmenter(backend=FakeBackend()).write(clip, [(tmp_path / "first", "mask")], kept=kept)
    for name, settings in (("low", {"threshold": 0.03}), ("raw", {"refine": "off", "smooth": 0.0})):
        segmenter = Segmenter(backend=FakeBackend(), **settings)
        segmenter.write(clip, [(tmp_path / f"{name}-kept", "mask")], kept=kept)
        segmenter.write(clip, [(tmp_path / name, "mask")])
        assert tree(tmp_path / f"{name}-kept") == tree(tmp_path / name)
    assert tree(tmp_path / "low") != tree(tmp_path / "first")


def test_a_run_that_was_broken_off_keeps_nothing_whole(clip: Path, tmp_path: Path) -> None:
    backend, kept = FakeBackend(), Kept(tmp_path / "kept")
    backend.fail_at = 6
    with pytest.raises(RuntimeError, match="the network failed"):
        Segmenter(backend=backend).write(clip, [(tmp_path / "out", "mask")], kept=kept)
    assert not kept.whole
    backend.fail_at = None
    Segmenter(backend=backend).write(clip, [(tmp_path / "out", "mask")], kept=kept, overwrite=True)
    assert kept.whole


def test_a_run_that_is_resumed_keeps_nothing_whole(clip: Path, tmp_path: Path) -> None:
    backend, kept = FakeBackend(), Kept(tmp_path / "kept")
    backend.fail_at = 6
    with pytest.raises(RuntimeError, match="the network failed"):
        Segmenter(backend=backend).write(clip, [(tmp_path / "out", "mask")])
    backend.fail_at = None
    summary = Segmenter(backend=backend).write(clip, [(tmp_path / "out", "mask")], resume=True, kept=kept)
    assert 0 < summary.frames < 9
    assert not kept.whole, "its first frames were not seen"


def test_a_part_has_the_masks_of_the_whole(clip: Path, tmp_path: Path) -> None:
    segmenter = Segmenter(backend=FakeBackend())
    segmenter.write(clip, [(tmp_path / "whole", "soft")])
    summary = segmenter.write(clip, [(tmp_path / "part", "soft")], frames=(3, 7))
    whole, part = tree(tmp_path / "whole"), tree(tmp_path / "part")
    assert summary.frames == 4
    assert [part[f"{k:05d}.png"] for k in range(4)] == [whole[f"{k:05d}.png"] for k in range(3, 7)]
