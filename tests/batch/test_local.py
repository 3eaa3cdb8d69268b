"""Videos side by side."""

from pathlib import Path

import pytest

from dpa.batch import local
from dpa.batch.job import Job
from dpa.batch.local import Share, run
from dpa.batch.work import segment_one
from engine_samples import make_clip, tree
from extras import needs_torch


@needs_torch
def test_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "cores", lambda: 8)
    assert Share.of("cpu") == Share(8, ("cpu",), 1)
    assert Share.of("cpu", 3) == Share(3, ("cpu",), 2)
    assert Share.of("cpu", 0, 4) == Share(8, ("cpu",), 4)
    monkeypatch.setattr(local, "pick_device", lambda device: device)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert Share.of("cuda") == Share(3, ("cuda:0", "cuda:1", "cuda:2"), 0)
    assert Share.of("cuda:1") == Share(1, ("cuda:1",), 0)
    assert Share.of("mps", 2) == Share(2, ("mps",), 0)


@pytest.mark.slow
def test_side_by_side_as_alone(tmp_path: Path) -> None:
    """The real network, in processes of its own, one thread each."""
    clips = [make_clip(tmp_path / f"{n}.mkv", n) for n in (3, 4, 5)]
    jobs = [
        Job(clip.stem, str(clip), ((f"{tmp_path / 'out' / clip.stem}/", "soft"),), {"size": 64})
        for clip in [*clips, tmp_path / "no.mkv"]
    ]
    told: list[tuple[str, int, int | None]] = []
    rows = {row.name: row for row in run(jobs, Share(2, ("cpu",), 1), told.append)}
    assert {name: (row.state, row.frames) for name, row in rows.items()} == {
        "3": ("done", 3),
        "4": ("done", 4),
        "5": ("done", 5),
        "no": ("failed", 0),
    }
    assert set(told) == {(str(n), done, n) for n in (3, 4, 5) for done in range(n + 1)}
    alone = Job("5", str(clips[2]), ((f"{tmp_path / 'alone'}/", "soft"),), {"size": 64})
    assert segment_one(alone).state == "done"
    assert tree(tmp_path / "alone") == tree(tmp_path / "out" / "5")
