"""The embedded weights' own recipe on the real data: a short run is repeatable to the bit."""

import shutil
from pathlib import Path

import pytest

SHORT = ["iterations=2", "groups=2", "sizes=[[96,160]]", "warmup=0"]


@pytest.mark.real
@pytest.mark.slow
def test_a_short_run_of_both_stages(command, shared: Path, tmp_path: Path) -> None:
    # Three frames each of two videos: `dpa flow` of all would take a minute.
    for kind in ("RGB", "GT"):
        (tmp_path / "videos" / kind).mkdir(parents=True)
        for video in ("bear", "boat"):
            for path in sorted((shared / "data" / "DAVIS_train" / kind).glob(f"{video}_*"))[:3]:
                shutil.copy(path, tmp_path / "videos" / kind)
    videos = tmp_path / "videos"
    assert command("flow", videos, videos, "--flow", "dis", "--flow-size", "256", "--jobs", "1")[0] == 0
    encoder = shared / "weights" / "mobilenetv2_100_imagenet_bnfolded.safetensors"
    data = [f"data.stills={shared / 'data' / 'STILLS_train'}", f"data.videos={videos}", "threads=1"]
    for run in ("a", "b"):
        for stage, extra in (
            ("pretrain", [f"encoder_weights={encoder}"]),
            ("finetune", ["--stage1", tmp_path / f"pretrain-{run}" / "last"]),
        ):
            words = [f"{stage}.{word}" for word in SHORT]
            code, _, err = command(stage, "mobile", *data, *words, *extra, "-o", tmp_path / f"{stage}-{run}")
            assert (code, err) == (0, "")
    for stage in ("pretrain", "finetune"):
        first, second = (tmp_path / f"{stage}-{r}" / "last" / "model.safetensors" for r in ("a", "b"))
        assert first.read_bytes() == second.read_bytes(), stage
