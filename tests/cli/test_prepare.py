"""`dpa prepare`."""

from pathlib import Path

import pytest
from archive_samples import SMALL, davis2016, duts, names, save, scene, square
from fbms_samples import fbms

from dpa.datasets.layout import find_sequences, find_stills
from extras import needs_torch


def test_davis_with_flow_then_again(command, tmp_path: Path) -> None:
    source, target = davis2016(tmp_path / "source", SMALL), tmp_path / "target"
    words = ("prepare", "davis", source, target, "--flow", "dis", "--jobs", "1")
    code, out, error = command(*words)
    assert code == 0, error
    assert "flow by dis" in error
    assert f"{target / 'DAVIS_train'}: 5 frames written, 0 kept; 5 flow pictures written, 0 kept" in out
    assert f"{target / 'DAVIS_test'}: 2 frames written, 0 kept; 2 flow pictures written, 0 kept" in out
    assert len(find_sequences(target / "DAVIS_train", masks=True, flows=True)) == 2
    assert names(target / "DAVIS_train") == ["FLOW", "GT", "RGB", "flow.json", "prepare.json"]
    code, out, _ = command(*words)
    assert code == 0
    assert f"{target / 'DAVIS_train'}: 0 frames written, 5 kept; 0 flow pictures written, 5 kept" in out


def test_its_flow_is_that_of_the_flow_command(command, tmp_path: Path) -> None:
    source, target = davis2016(tmp_path / "source", SMALL), tmp_path / "target"
    assert (
        command("prepare", "davis", source, target, "--flow", "dis", "--flow-size", "40", "--jobs", "1")[0]
        == 0
    )
    again = (
        "flow",
        target / "DAVIS_train",
        tmp_path / "out",
        "--flow",
        "dis",
        "--flow-size",
        "40",
        "--jobs",
        "1",
    )
    assert command(*again)[0] == 0
    assert (tmp_path / "out" / "flow.json").read_text() == (target / "DAVIS_train" / "flow.json").read_text()
    for path in (tmp_path / "out" / "FLOW").iterdir():
        assert path.read_bytes() == (target / "DAVIS_train" / "FLOW" / path.name).read_bytes()


@pytest.mark.slow
def test_in_two_processes(command, tmp_path: Path) -> None:
    source, target = fbms(tmp_path / "source"), tmp_path / "target"
    code, _, error = command("prepare", "fbms", source, target, "--flow", "dis-fast", "--jobs", "2")
    assert code == 0, error
    assert len(find_sequences(target / "FBMS_train", masks=True, flows=True)) == 2
    assert len(find_sequences(target / "FBMS_test", flows=True)) == 1


def test_stills_have_no_flow(command, tmp_path: Path) -> None:
    source, target = duts(tmp_path / "source"), tmp_path / "target"
    code, out, error = command("prepare", "duts", source, target, "--jobs", "1")
    assert code == 0, error
    assert error == "", "no word of a flow estimator"
    assert "flow pictures" not in out
    assert len(find_stills(target / "DUTS_train")) == 2


def test_no_flow_first_and_then_flow(command, tmp_path: Path) -> None:
    source, target = davis2016(tmp_path / "source", SMALL), tmp_path / "target"
    assert command("prepare", "davis", source, target, "--flow", "none", "--jobs", "1")[0] == 0
    assert not list(target.rglob("FLOW"))
    code, out, _ = command("prepare", "davis", source, target, "--flow", "dis", "--jobs", "1")
    assert code == 0
    assert "0 frames written, 5 kept; 5 flow pictures written" in out
    code, _, error = command("prepare", "davis", source, target, "--flow", "dis-fast", "--jobs", "1")
    assert (code, "preset: medium there, fast now" in error) == (1, True)
    words = ("prepare", "davis", source, target, "--flow", "dis-fast", "--jobs", "1", "--overwrite")
    code, out, error = command(*words)
    assert code == 0, error
    assert "0 frames written, 5 kept; 5 flow pictures written, 0 kept" in out


def test_what_cannot_be_read_is_named_and_counted(command, tmp_path: Path) -> None:
    source, target = davis2016(tmp_path / "source", SMALL), tmp_path / "target"
    bad = source / "DAVIS" / "JPEGImages" / "480p" / "bear" / "00001.jpg"
    bad.write_bytes(bad.read_bytes()[:300])
    code, out, error = command("prepare", "davis", source, target, "--flow", "dis-fast", "--jobs", "1")
    assert code == 1
    assert str(bad) in error
    assert error.splitlines()[-1].startswith("dpa: 1 frames or masks could not be read")
    assert "4 frames written, 0 kept, 1 could not be read; 4 flow pictures written" in out
    assert names(target / "DAVIS_train" / "FLOW")[0] == "bear_00000.jpg"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("imagenet", "source", "out"), "unknown data set 'imagenet'"),
        (("davis", "gone", "out"), "gone: no such folder or zip archive"),
        (("davis", "source", "out"), "JPEGImages/480p with Annotations/480p"),
        (("folder", "source", "out", "--frames", "some"), "--frames some: choose all or annotated"),
        (("davis", "source", "out", "--year", "2018"), "--year 2018: choose 2016 or 2017"),
        (("folder", "source", "out", "--year", "2016"), "--year has no meaning for folder"),
        (("folder", "source", "source"), "the source itself is there"),
        (("folder", "source", "source/images/s/00000.jpg"), "00000.jpg"),
        (("folder", "source", "out", "--flow", "farneback"), "farneback"),
        pytest.param(
            ("folder", "source", "out", "--flow", "raft-small", "--flow-weights", "w.pth"),
            "w.pth",
            marks=needs_torch,
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    save(tmp_path / "source" / "images" / "s" / "00000.jpg", scene(0, SMALL))
    save(tmp_path / "source" / "masks" / "s" / "00000.png", square(0, SMALL))
    monkeypatch.chdir(tmp_path)
    code, out, error = command("prepare", *words, "--device", "cpu")
    assert (code, out) == (1, "")
    assert sentence in error.splitlines()[-1]
    assert names(tmp_path) == ["source"]
    assert names(tmp_path / "source" / "images" / "s") == ["00000.jpg"]


def test_without_torch(base_python, tmp_path: Path) -> None:
    source = davis2016(tmp_path / "source", SMALL)
    done = base_python(
        "-m", "dpa", "prepare", "davis", source, tmp_path / "out", "--flow", "dis", "--jobs", "1"
    )
    assert done.returncode == 0, done.stderr
