"""`dpa predict` as a user meets it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from engine_samples import FakeBackend, image, names, use


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the data set DAVIS: raw, two videos of three frames."""
    use(FakeBackend(), monkeypatch)
    monkeypatch.chdir(tmp_path)
    for name in ("bear", "cow"):
        folder = tmp_path / "DAVIS" / "JPEGImages" / "480p" / name
        folder.mkdir(parents=True)
        for index in range(3):
            Image.fromarray(image(index)).save(folder / f"{index:05d}.jpg", quality=95)
    lists = tmp_path / "DAVIS" / "ImageSets" / "2016"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("cow\n")
    return tmp_path


def test_masks_table_and_exit_code(command, place) -> None:
    code, out, err = command("predict", "DAVIS", "out")
    assert code == 0, err
    assert "dpa-mobile on cpu (fake, fp32); flow by dis" in err
    assert "videos: 2 written, 0 kept, 0 failed; masks in out/binary and out/soft" in err
    assert all(word in out for word in ("bear", "cow", "3 computed", "written"))
    assert names(place / "out" / "binary" / "bear") == ["00000.png", "00001.png", "00002.png"]
    code, out, err = command("predict", "DAVIS", "out")
    assert code == 0
    assert "kept" in out
    assert "videos: 0 written, 2 kept" in err


def test_a_split(command, place) -> None:
    assert command("predict", "DAVIS", "out", "--split", "val")[0] == 0
    assert names(place / "out" / "soft") == ["cow"]


def test_a_broken_video_shows(command, place) -> None:
    frame = place / "DAVIS" / "JPEGImages" / "480p" / "bear" / "00001.jpg"
    frame.write_bytes(frame.read_bytes()[:300])
    code, out, err = command("predict", "DAVIS", "out", "--json", "run.json")
    assert code == 1
    assert "FAILED" in out
    assert "failed: bear: DAVIS/JPEGImages/480p/bear/00001.jpg" in err
    assert "Traceback" not in err
    assert names(place / "out" / "binary") == ["cow"]
    summary = json.loads((place / "run.json").read_text())
    assert list(summary["failed"]) == ["bear"]
    assert summary["videos"]["cow"]["state"] == "done"
    code, out, _ = command("predict", "DAVIS", "out", "--json", "-")
    assert code == 1
    assert json.loads(out)["kept"] == ["cow"]


def test_where_the_summary_goes_is_looked_at_first(command, place) -> None:
    code, _, err = command("predict", "DAVIS", "out", "--json", "gone/run.json")
    assert (code, err) == (1, "dpa: gone/run.json: the folder gone does not exist: make it first\n")
    assert not (place / "out").exists()


def test_options_reach_the_network(command, place) -> None:
    words = ("--preset", "paper", "--size", "128", "--references", "2", "--flow", "dis-fast", "--normalise")
    assert command("predict", "DAVIS", "out", *words)[0] == 0
    settings = json.loads((place / "out" / "predict.json").read_text())["settings"]
    assert (settings["size"], settings["keep_aspect"], settings["references"]) == (128, False, 2)
    assert settings["normalise"] is True
    assert settings["flow"] == {"pictures": False, "estimator": "dis-fast", "size": 384, "floor": 0.0}
    assert (settings["smooth"], settings["every"]) == (0, 1), "the preset is the paper's way"
    assert command("predict", "DAVIS", "other", "--keep-aspect", "--threshold", "0.4", "--every", "2")[0] == 0
    record = json.loads((place / "other" / "predict.json").read_text())
    assert (record["settings"]["smooth"], record["settings"]["every"]) == (0.5, 2)
    assert record["settings"]["precision"] == "fp32"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("gone", "out"), "gone: no such folder"),
        (("DAVIS/JPEGImages/480p/bear", "out"), "use `dpa segment"),
        (("DAVIS", "DAVIS/out"), "inside the data set"),
        (("DAVIS", "out", "--preset", "ours"), "unknown preset 'ours'"),
        (("DAVIS", "out", "--threshold", "2"), "between 0 and 1"),
        (("DAVIS", "out", "--smooth", "inf"), "0 or more, not inf"),
        (("DAVIS", "out", "--flow", "farneback"), "farneback"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(command, place, words, sentence) -> None:
    before = sorted(place.rglob("*"))
    code, out, err = command("predict", *words)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert sentence in err
    assert sorted(place.rglob("*")) == before


def test_what_is_written_can_be_evaluated(command, place) -> None:
    """Two commands, with annotations in the layout of the release."""
    pytest.importorskip("dpa.cli.evaluate")
    from engine_samples import truth

    for name in ("elk", "fox"):
        for folder in ("RGB", "GT"):
            (place / "SET_test" / name / folder).mkdir(parents=True)
        for index in range(4):
            stem = f"{name}_{index:05d}"
            Image.fromarray(image(index)).save(place / "SET_test" / name / "RGB" / f"{stem}.jpg", quality=95)
            Image.fromarray(truth(index)).save(place / "SET_test" / name / "GT" / f"{stem}.png")
    assert command("predict", "SET_test", "out")[0] == 0
    code, out, err = command("evaluate", "out/binary", "SET_test")
    assert code == 0, err
    assert "elk" in out
