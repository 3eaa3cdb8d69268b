"""`dpa bench` as a user meets it."""

import json
from pathlib import Path

import pytest
from video_samples import make_folder

from dpa.weights.registry import DEFAULT, find
from extras import needs_torch

needs_default = pytest.mark.skipif(find(DEFAULT).path is None, reason="the default weights are not here")
QUICK = ("--size", "64", "--frames", "2", "--repeats", "3", "--flow", "dis-ultrafast", "--threads", "1")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "clip", ["0.png", "1.png", "2.png"], size=(96, 128))
    return tmp_path


@needs_default
@pytest.mark.slow
@pytest.mark.usefixtures("stages_here")
def test_the_default_network(command, place) -> None:
    code, out, err = command("bench", "--video", "clip", *QUICK, "--json", "bench.json")
    assert code == 0, err
    for word in (
        "decode",
        "flow",
        "network",
        "encoders",
        "attention",
        "decoder",
        "smooth",
        "write",
        "end to end",
    ):
        assert word in out
    assert "GFLOP/s (numpy, fp32" in out
    figures = json.loads((place / "bench.json").read_text())
    assert figures["network"]["backend"] == "onnxruntime"
    assert figures["settings"]["precision"] == figures["network"]["precision"]
    assert figures["network"]["precision"] in ("fp32", "int8")
    assert f"dpa-mobile, {figures['network']['precision']} on cpu" in out
    assert figures["stages"]["attention"]["peak_memory_mib"] is None
    assert figures["stages"]["network"]["share_of_matrix_rate"] > 0
    assert sorted(path.name for path in place.iterdir()) == ["bench.json", "clip"]


@needs_default
@pytest.mark.slow
def test_without_torch(base_python, place) -> None:
    """The whole of it, each stage in a process of its own."""
    done = base_python("-m", "dpa", "bench", "--video", "clip", *QUICK, "--json", "-")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["stages"]["network"]["gflop_per_frame"] is None
    assert "encoders" not in figures["stages"]
    assert all('pip install "dpa-vos[torch]"' in note for note in figures["notes"][:2])
    done = base_python("-m", "dpa", "bench", "--video", "clip", "--paper-way")
    assert done.returncode == 1
    assert 'pip install "dpa-vos[torch]"' in done.stderr
    assert "Traceback" not in done.stderr


@needs_torch
@pytest.mark.slow
@pytest.mark.usefixtures("stages_here")
def test_the_papers_way(command, place, tmp_path_factory) -> None:
    from graph_samples import small

    weights = tmp_path_factory.mktemp("weights")
    small().save_pretrained(weights)
    code, out, err = command("bench", "--video", "clip", *QUICK, "--paper-way", "--weights", weights)
    assert code == 0, err
    assert "ratio: the paper's way takes" in out
    assert "probabilities differ by at most" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--video", "gone.mp4"), "gone.mp4"),
        (("--video", "clip", "--precision", "fp8"), "unknown precision"),
        pytest.param(
            ("--video", "clip", "--paper-way", "--precision", "int8"),
            "computed in torch, which has no int8",
            marks=needs_torch,
        ),
        (("--video", "clip", "--flow", "farneback"), "farneback"),
        (("--video", "clip", "--device", "tpu"), "'tpu' is not known"),
    ],
)
def test_bad_input_is_one_sentence(command, place, words, sentence) -> None:
    code, out, err = command("bench", *words)
    assert (code, out) == (1, "")
    assert sentence in err.splitlines()[-1]
    assert "Traceback" not in err
    assert [path.name for path in place.iterdir()] == ["clip"]
