import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from extras import needs_torch


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Seven frames of a square that moves to the right."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.bit_rate = 2_000_000
        for index in range(7):
            image = np.random.default_rng(0).integers(60, 90, (96, 128, 3), dtype=np.uint8)
            image[30:60, 20 + 4 * index : 50 + 4 * index] += 120
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_video(command: Callable, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow"
    code, told, error = command(
        "flow", clip, out, "--flow-size", "96", "--flow-floor", "1", "--quality", "80"
    )
    assert code == 0, error
    assert "flow by dis" in error
    assert "7 flow pictures written, 0 kept" in told
    assert sorted(path.name for path in out.iterdir()) == [*(f"{i:05d}.jpg" for i in range(7)), "flow.json"]
    recipe = json.loads((out / "flow.json").read_text())
    assert recipe["video"] == {"name": "clip.mp4", "frames": 7, "size": [128, 96]}
    assert (recipe["size"], recipe["floor"], recipe["jpeg_quality"]) == (96, 1.0, 80)
    for index in range(7):
        blue, green, red = cv2.imread(str(out / f"{index:05d}.jpg"))[33, 26 + 3 * index].astype(int)
        assert red > max(green, blue) + 60, "to the right is red on the wheel, in the last frame too"


def test_the_other_direction(command: Callable, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "back"
    assert command("flow", clip, out, "--gap", "-2")[0] == 0
    recipe = json.loads((out / "flow.json").read_text())
    assert recipe["direction"] == "frame t to frame t-2"
    assert recipe["last_frame"].startswith("where there is no frame t-2, flow to frame t+2, negated")
    for index in range(7):
        blue, green, red = cv2.imread(str(out / f"{index:05d}.jpg"))[45, 35 + 4 * index].astype(int)
        assert min(green, blue) > red + 60, "to the left is cyan"
    code, _, error = command("flow", clip, out)
    assert code == 1
    assert "direction: frame t to frame t-2 there, frame t to frame t+1 now" in error
    assert "--gap 0" in command("flow", clip, out, "--gap", "0")[2]


def test_again_and_otherwise(command: Callable, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "flow"
    assert command("flow", clip, out, "--flow", "dis-fast")[0] == 0
    (out / "00003.jpg").unlink()
    assert "1 flow pictures written, 6 kept" in command("flow", clip, out, "--flow", "dis-fast")[1]
    code, _, error = command("flow", clip, out, "--flow", "dis")
    assert code == 1
    assert "preset: fast there, medium now" in error
    assert command("flow", clip, out, "--flow", "dis", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("gone.mp4", "out"), "gone.mp4"),
        (("clip.mp4", "out", "--flow", "farneback"), "farneback"),
        (("clip.mp4", "out", "--flow", "none"), "name an estimator"),
        (("clip.mp4", "out", "--flow-weights", "w.pth"), "dis has no weights"),
        (("clip.mp4", "clip.mp4"), "clip.mp4"),
        pytest.param(
            ("clip.mp4", "out", "--flow", "raft-small", "--flow-weights", "w.pth", "--device", "cpu"),
            "w.pth",
            marks=needs_torch,
        ),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    command: Callable,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(clip.parent)
    before = clip.read_bytes()
    code, _, error = command("flow", *words)
    assert code == 1
    assert sentence in error.splitlines()[-1]
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]
    assert clip.read_bytes() == before


def test_raft_without_torch(base_python: Callable, clip: Path) -> None:
    done = base_python(
        "-m", "dpa", "flow", clip, clip.parent / "out", "--flow", "raft-small", "--device", "cpu"
    )
    assert done.returncode == 1
    assert 'pip install "dpa-vos[torch]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_dis_without_torch(base_python: Callable, clip: Path) -> None:
    done = base_python("-m", "dpa", "flow", clip, clip.parent / "out")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "option", [("--flow-size", "0"), ("--quality", "101"), ("--flow-floor", "-1"), ("--jobs", "0")]
)
def test_settings_out_of_range(command: Callable, clip: Path, option: tuple[str, str]) -> None:
    code, _, error = command("flow", clip, clip.parent / "out", *option)
    assert code == 2
    assert option[0] in error
