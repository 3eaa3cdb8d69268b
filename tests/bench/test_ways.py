"""The paper's way and the cached way, in one process."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_samples import build
from video_samples import make_folder

from dpa.bench.report import Comparison
from dpa.bench.settings import BenchSettings
from dpa.bench.ways import measure_way
from dpa.errors import DPAError
from small_encoder import SMALL_ENCODER


@pytest.fixture
def settings(tmp_path: Path) -> BenchSettings:
    build(encoder=SMALL_ENCODER).save_pretrained(tmp_path / "weights")
    make_folder(tmp_path / "clip", [f"{i:05d}.png" for i in range(9)], size=(96, 128))
    return BenchSettings(video=str(tmp_path / "clip"), weights=str(tmp_path / "weights"), size=128, repeats=3)


@pytest.mark.slow
def test_they_agree_and_the_check_would_see_it_if_not(settings: BenchSettings, tmp_path: Path) -> None:
    ways, found = {}, {}
    for name in ("paper", "cached"):
        ways[name] = measure_way(settings, name, tmp_path)
        found[name] = np.load(tmp_path / f"{name}.npy")
    assert ways["paper"].facts["references"] == ways["cached"].facts["references"] == 4
    assert found["paper"].shape == (2, 96, 160)
    assert found["paper"].std() > 0.01
    compared = Comparison.of(found, ways, {}, "fp32")
    assert compared.difference <= 1e-5
    compared.check()
    measure_way(replace(settings, references=1), "cached", tmp_path)
    other = Comparison.of(found | {"cached": np.load(tmp_path / "cached.npy")}, ways, {}, "fp32")
    with pytest.raises(DPAError, match="do not agree"):
        other.check()
