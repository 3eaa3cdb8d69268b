"""Masks of a data set, with a network that needs no weights."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from dpa.backends import Memory
from dpa.errors import InputError, OutputError
from dpa.flow.dis import DIS
from dpa.predict import PRESETS, Prediction
from engine_samples import FakeBackend, image, names, tree, truth, use


class Watching(FakeBackend):
    """Keeps what it saw of flow pictures (their mean level) and of sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.flows: list[float] = []
        self.sizes: set[tuple[int, ...]] = set()

    def one(self, image: np.ndarray, flow: np.ndarray, references: Memory) -> tuple[np.ndarray, Memory]:
        self.flows.append(float(flow.mean()))
        self.sizes.add(image.shape[:2])
        return super().one(image, flow, references)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Watching:
    backend = Watching()
    use(backend, monkeypatch)
    return backend


def video(root: Path, name: str, count: int, flows: int = 0) -> Path:
    """A sequence in the release's layout; its flow pictures are grey, of level 100 + index."""
    for folder in ("RGB", *(["FLOW"] if flows else [])):
        (root / name / folder).mkdir(parents=True)
    for index in range(count):
        Image.fromarray(image(index)).save(root / name / "RGB" / f"{name}_{index:05d}.png")
    for index in range(flows):
        grey = np.full((30, 40, 3), 100 + index, np.uint8)
        Image.fromarray(grey).save(root / name / "FLOW" / f"{name}_{index:05d}.png")
    return root / name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three videos: flow pictures for none, all and most of their frames."""
    root = tmp_path / "set"
    video(root, "bear", 5)
    video(root, "cow", 4, flows=4)
    video(root, "dog", 3, flows=2)
    return root


def ran(*words: object, **options: object) -> Prediction:
    job = Prediction(*words, **options)  # type: ignore[arg-type]
    job.run()
    return job


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_what_is_written(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    told: list[tuple[str, int, int]] = []
    job = Prediction(root, out)
    job.run(lambda *now: told.append(now))
    assert job.failed == {}
    assert names(out) == ["binary", "predict.json", "soft"]
    assert names(out / "binary") == names(out / "soft") == ["bear", "cow", "dog"]
    assert names(out / "soft" / "cow") == [f"cow_{i:05d}.png" for i in range(4)]
    for index in range(5):
        binary, soft = (read(out / kind / "bear" / f"bear_{index:05d}.png") for kind in ("binary", "soft"))
        assert binary.shape == soft.shape == truth(index).shape
        assert set(np.unique(binary)) == {0, 255}
        assert len(np.unique(soft)) > 2
        # Rounding may put a probability just above the threshold at 127 or 128.
        assert np.all((binary > 0) | (soft <= 128))
        assert np.mean((binary > 0) != truth(index)) < 0.02
    assert told[0] == ("bear", 0, 12)
    assert told[-1] == ("", 12, 12)
    assert [now[1] for now in told] == sorted(now[1] for now in told)


def test_flow_pictures_are_used_where_they_are(root: Path, tmp_path: Path, backend: Watching) -> None:
    job = ran(root, tmp_path / "out")
    entries = job.record.entries
    assert [(entries[n].pictures, entries[n].computed) for n in ("bear", "cow", "dog")] == [
        (0, 5),
        (4, 0),
        (2, 1),
    ]
    # Four references and the frames, for the videos in turn; three references for the short one.
    assert backend.flows[9:17] == [100, 101, 102, 103] * 2
    assert [level for level in backend.flows[17:] if level < 150] == [100, 101] * 2
    assert "flow by dis" in job.engine


def test_flow_is_computed_when_asked_for(root: Path, tmp_path: Path, backend: Watching) -> None:
    job = ran(root, tmp_path / "out", flow="dis-fast")
    assert all(entry.pictures == 0 for entry in job.record.entries.values())
    assert not {100, 101, 102, 103} & set(backend.flows)
    assert json.loads((tmp_path / "out" / "predict.json").read_text())["engine"]["flow"]["preset"] == "fast"


def test_the_network_sees_every_second_frame(root: Path, tmp_path: Path, backend: Watching) -> None:
    job = ran(root, tmp_path / "out", every=2, references=1, flow="dis")
    assert job.failed == {}
    assert len(backend.calls) == 3 + (3 + 3 + 2)
    assert len(names(tmp_path / "out" / "soft" / "cow")) == 4
    record = json.loads((tmp_path / "out" / "predict.json").read_text())
    assert record["settings"]["every"] == 2
    assert record["settings"]["precision"] == "fp32"
    assert "(fake, fp32); flow by dis" in job.engine
    with pytest.raises(OutputError, match="every: 2 there, 1 now"):
        Prediction(root, tmp_path / "out", references=1, flow="dis")


def test_masks_are_not_propagated_along_flow_pictures(root: Path, tmp_path: Path, backend: Watching) -> None:
    with pytest.raises(InputError, match="beside --every give --flow"):
        Prediction(root, tmp_path / "out", every=2)
    assert not (tmp_path / "out").exists()


def test_pictures_alone_need_no_estimator(tmp_path: Path, backend: Watching, monkeypatch) -> None:
    video(tmp_path / "set", "cow", 3, flows=3)
    monkeypatch.setattr("dpa.flow.dis.DIS.__call__", lambda *_: pytest.fail("flow was computed"))
    job = ran(tmp_path / "set", tmp_path / "out")
    assert job.failed == {}
    assert "all flow pictures are there" in job.engine


def test_again_makes_only_what_is_missing(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    ran(root, out)
    before = {kind: tree(out / kind / "cow") for kind in ("binary", "soft")}
    calls = len(backend.calls)
    assert ran(root, out).kept == ["bear", "cow", "dog"]
    assert len(backend.calls) == calls
    (out / "soft" / "cow" / "cow_00002.png").unlink()
    video(root, "elk", 2)
    job = ran(root, out)
    assert job.kept == ["bear", "dog"]
    assert len(backend.calls) == calls + 4 + 4 + 2 + 2
    assert {kind: tree(out / kind / "cow") for kind in ("binary", "soft")} == before
    assert sorted(job.record.entries) == ["bear", "cow", "dog", "elk"]


def test_a_run_that_was_killed_goes_on(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    backend.fail_at, backend.error = 4 + 5 + 4 + 2, KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        ran(root, out)
    assert names(out / "binary") == ["bear"]
    (out / "binary" / "cow.part").mkdir()  # what a kill -9 leaves
    (out / "binary" / "cow.part" / "cow_00000.png").write_bytes(b"half")
    backend.fail_at = None
    job = ran(root, out)
    assert job.kept == ["bear"]
    ran(root, tmp_path / "whole")
    for name in ("bear", "cow", "dog"):
        assert tree(out / "soft" / name) == tree(tmp_path / "whole" / "soft" / name)
    assert names(out / "binary") == ["bear", "cow", "dog"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_one_broken_video_does_not_stop_the_others(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    cut(root / "cow" / "RGB" / "cow_00002.png")
    (root / "dog" / "FLOW" / "dog_00001.png").write_text("no picture")
    (root / "void" / "RGB").mkdir(parents=True)
    job = ran(root, out)
    assert sorted(job.failed) == ["cow", "dog", "void"]
    assert "cow_00002.png is damaged" in job.failed["cow"]
    assert "dog_00001.png is not a picture" in job.failed["dog"]
    assert "no pictures in it" in job.failed["void"]
    assert names(out / "binary") == names(out / "soft") == ["bear"]
    written = json.loads((out / "predict.json").read_text())["videos"]
    assert {name: video["state"] for name, video in written.items()} == {
        "bear": "done",
        "cow": "failed",
        "dog": "failed",
        "void": "failed",
    }
    Image.fromarray(image(2)).save(root / "cow" / "RGB" / "cow_00002.png")
    again = ran(root, out)
    assert again.kept == ["bear"]
    assert sorted(again.failed) == ["dog", "void"]


def test_a_bug_is_told_and_traced(root: Path, tmp_path: Path, backend: Watching) -> None:
    backend.fail_at, backend.error = 4 + 5 + 4 + 4, ZeroDivisionError("a bug")
    job = ran(root, tmp_path / "out")
    assert job.failed == {"dog": "ZeroDivisionError: a bug"}
    assert "engine_samples" in job.record.entries["dog"].trace
    assert names(tmp_path / "out" / "binary") == ["bear", "cow"]


def test_masks_of_a_video_that_has_got_broken_go(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    ran(root, out)
    video(root, "elk", 1)
    Image.fromarray(image(4)).save(root / "cow" / "RGB" / "cow_00004.png")
    cut(root / "cow" / "RGB" / "cow_00004.png")
    assert list(ran(root, out).failed) == ["cow"]
    assert names(out / "binary") == ["bear", "dog", "elk"]


def test_other_settings_are_refused(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    ran(root, out)
    before = tree(out / "binary" / "bear")
    for options, word in (
        ({"threshold": 0.7}, r"threshold: 0\.5 there, 0\.7 now"),
        ({"flow": "dis"}, "flow: "),
        (
            {"preset": "paper", "flow": "dis-fast"},
            "size: 64 there, 512 now; keep_aspect: True there, False now",
        ),
    ):
        with pytest.raises(OutputError, match=word):
            Prediction(root, out, **options)  # type: ignore[arg-type]
    assert tree(out / "binary" / "bear") == before
    # Spelling out what holds anyway changes nothing.
    assert ran(root, out, threshold=0.5, references=4).kept == ["bear", "cow", "dog"]
    (out / "binary" / "bear" / "mine.txt").write_text("notes")
    job = ran(root, out, threshold=0.7, overwrite=True)
    assert job.kept == []
    assert "mine.txt" in job.failed["bear"] or "holds other things" in job.failed["bear"]
    assert (out / "binary" / "bear" / "mine.txt").read_text() == "notes"


def test_a_damaged_record(root: Path, tmp_path: Path, backend: Watching) -> None:
    out = tmp_path / "out"
    ran(root, out)
    (out / "predict.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be read as a record"):
        Prediction(root, out)
    assert ran(root, out, overwrite=True).failed == {}


def test_the_papers_settings(root: Path, tmp_path: Path, backend: Watching) -> None:
    job = ran(root, tmp_path / "out", preset="paper", size=128, flow="dis-fast")
    s = job.segmenter.config
    assert (s.size, s.keep_aspect, s.references, s.threshold, s.normalise) == (128, False, 4, 0.5, False)
    assert (s.smooth, s.refine, s.shots) == (0.0, "off", "off")
    assert backend.sizes == {(128, 128)}
    assert PRESETS["paper"]["size"] == 512
    assert "the paper's flow is RAFT's, trained on Sintel (raft-large-sintel)" in job.engine
    assert PRESETS["release"] == PRESETS["paper"] | {"normalise": True}
    assert read(tmp_path / "out" / "soft" / "bear" / "bear_00000.png").shape == image(0).shape[:2]


def test_a_preset_computes_the_papers_flow(
    root: Path, tmp_path: Path, backend: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def stand_in(name: str, device: str) -> DIS:
        made.append(name)
        return DIS("fast")

    monkeypatch.setattr("dpa.engine.segmenter.make_estimator", stand_in)
    assert "raft-large-sintel" in Prediction(root, tmp_path / "out", preset="paper", size=128).engine
    assert "raft" not in Prediction(root, tmp_path / "other", size=128).engine
    assert made == ["raft-large-sintel", "dis"]


def test_classes_and_odd_names(tmp_path: Path, backend: Watching) -> None:
    root = tmp_path / "YouTube-Objects"
    video(root / "cat", "0001.mp4", 2)
    job = ran(root, tmp_path / "out")
    assert job.failed == {}
    assert names(tmp_path / "out" / "binary" / "cat" / "0001.mp4") == [
        "0001.mp4_00000.png",
        "0001.mp4_00001.png",
    ]


@pytest.mark.parametrize(
    ("out", "options", "error", "sentence"),
    [
        ("out", {"preset": "papr"}, InputError, "did you mean 'paper'"),
        ("out", {"flow": "farneback"}, InputError, "farneback"),
        ("out", {"split": "val"}, InputError, "--split val"),
        ("set", {}, OutputError, "inside the data set"),
        ("set/out", {}, OutputError, "inside the data set"),
        ("file", {}, OutputError, "is a file"),
        ("full", {}, OutputError, "not empty"),
    ],
)
def test_errors(root, tmp_path, monkeypatch, backend, out, options, error, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=sentence):
        Prediction("set", out, **options)
    assert sorted(tmp_path.rglob("*")) == before
