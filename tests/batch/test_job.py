"""One video: whatever happens to it is in its row."""

import pickle
from fractions import Fraction
from pathlib import Path

import pytest
from video_samples import damage

from dpa.batch.job import Job
from dpa.batch.work import segment_one, segmenter_of
from dpa.engine.config import SegmenterConfig
from dpa.video.read import open_source
from dpa.video.source import Source
from engine_samples import FakeBackend, make_clip, names


def job_of(place: Path, source: Path, **changes: object) -> Job:
    return Job("x", str(source), ((f"{place / 'out'}/", "mask"),), **changes)  # type: ignore[arg-type]


def test_done(tmp_path: Path, backend: FakeBackend) -> None:
    job = pickle.loads(pickle.dumps(job_of(tmp_path, make_clip(tmp_path / "clip.mkv", 7))))
    told: list[tuple[int, int | None]] = []
    row = pickle.loads(pickle.dumps(segment_one(job, lambda done, count: told.append((done, count)))))
    assert (row.name, row.state, row.frames, row.problem) == ("x", "done", 7, "")
    assert told == [(done, 7) for done in range(8)]
    assert names(tmp_path / "out") == [f"{i:05d}.png" for i in range(7)]


def test_what_is_wrong_is_said(tmp_path: Path, backend: FakeBackend) -> None:
    row = segment_one(job_of(tmp_path, tmp_path / "no.mp4"))
    assert (row.state, row.problem, row.trace) == ("failed", f"{tmp_path / 'no.mp4'} does not exist", "")
    row = segment_one(job_of(tmp_path, tmp_path / "no.mp4", settings={"size": 3}))
    assert (row.state, row.trace) == ("failed", "")
    assert "at least 64 pixels" in row.problem


def test_how_a_source_is_opened(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, object]] = []

    def spy(source: Path, **how: object) -> Source:
        seen.append(how)
        return open_source(source)

    monkeypatch.setattr("dpa.batch.job.open_source", spy)
    clip = make_clip(tmp_path / "clip.mkv", 2)
    segment_one(job_of(tmp_path, clip, rate="25/2", source_alpha=False, hdr=True))
    assert seen == [{"rate": Fraction(25, 2), "alpha": False, "hdr": True}]


def test_a_bug_is_one_videos_trouble(tmp_path: Path, backend: FakeBackend) -> None:
    backend.fail_at = 5
    row = segment_one(job_of(tmp_path, make_clip(tmp_path / "clip.mkv", 7)))
    assert (row.state, row.problem) == ("failed", "RuntimeError: the network failed")
    assert "engine_samples.py" in row.trace
    assert not (tmp_path / "out").exists()


def test_a_damaged_video_gives_what_it_has(tmp_path: Path, backend: FakeBackend) -> None:
    row = segment_one(job_of(tmp_path, damage(make_clip(tmp_path / "clip.mkv", 12))))
    assert row.state == "damaged"
    assert row.problem
    assert row.frames == len(names(tmp_path / "out")) > 0


def test_an_interrupt_is_not_a_videos_trouble(tmp_path: Path, backend: FakeBackend) -> None:
    backend.fail_at, backend.error = 5, KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        segment_one(job_of(tmp_path, make_clip(tmp_path / "clip.mkv", 7)))


def test_one_network_for_all_videos() -> None:
    segmenter_of.cache_clear()
    first = segmenter_of(SegmenterConfig(threads=1))
    assert segmenter_of(SegmenterConfig(threads=1)) is first
    second = segmenter_of(SegmenterConfig(threads=1, threshold=0.25))
    assert second is not first
    assert second.backend is first.backend
