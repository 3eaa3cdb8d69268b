"""The settings `tiny`: both stages from nothing, on made data, as a newcomer runs them.

With a smaller encoder, and for fewer iterations, which it takes to learn as much.
"""

import csv
from pathlib import Path

import pytest
from made_data import make_data

from small_encoder import SMALL_ENCODER


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_both_stages_find_moving_objects_that_they_never_saw(command, tmp_path: Path) -> None:
    make_data(tmp_path)
    where = [f"data.stills={tmp_path / 'stills'}", f"data.validation={tmp_path / 'validation'}", "threads=1"]
    where += [f"changes.encoder={SMALL_ENCODER}", "pretrain.iterations=45", "finetune.iterations=45"]
    code, _, err = command("pretrain", "tiny", *where, "-o", tmp_path / "one")
    assert (code, err) == (0, "")
    stage1 = ("--stage1", tmp_path / "one" / "best")
    videos = f"data.videos={tmp_path / 'videos'}"
    code, _, err = command("finetune", "tiny", *where, videos, *stage1, "-o", tmp_path / "two")
    assert (code, err) == (0, "")
    scores = [float(row["J"]) for row in csv.DictReader((tmp_path / "two" / "validation.csv").open())]
    assert max(scores) >= 0.6
