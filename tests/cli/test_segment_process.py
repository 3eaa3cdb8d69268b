"""`dpa segment` in a process of its own: pipes, Ctrl-C, and runs that are killed."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import pytest
from video_samples import make_video

from engine_samples import SIZE, image, names, program, tree

pytestmark = pytest.mark.process


def run(*words: str | Path, hook: str = "pass", **options) -> subprocess.Popen[str]:
    settings = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True} | options
    return subprocess.Popen([sys.executable, "-c", program(hook), "segment", *map(str, words)], **settings)


@pytest.mark.parametrize("output", ["out", "out.mp4"])
def test_ctrl_c(place, output) -> None:
    process = run("clip.mkv", "-o", output, hook="n == 8 and os.kill(os.getpid(), signal.SIGINT)")
    err = process.communicate(timeout=500)[1]
    assert process.returncode == 130
    assert err.splitlines()[-1] == "dpa: interrupted"
    assert "Traceback" not in err
    assert not (place / output).exists()
    assert names(place) in (["clip.mkv"], ["clip.mkv", "out.part"])


def test_a_killed_run_is_resumed(place) -> None:
    whole, broken = place / "whole", place / "broken"
    assert run("clip.mkv", "-o", whole, "--kind", "strip").wait(60) == 0
    # The wait lets the frames before reach the disk: all but the one that waits to be smoothed.
    hook = "n == 8 and (time.sleep(1), os.kill(os.getpid(), signal.SIGKILL))"
    assert run("clip.mkv", "-o", broken, "--kind", "strip", hook=hook).wait(60) == -signal.SIGKILL
    assert not broken.exists()
    assert names(place / "broken.part") == [f"{i:05d}.png" for i in range(3)]
    process = run("clip.mkv", "-o", broken, "--kind", "strip", "--resume")
    assert "4 frames" in process.communicate(timeout=500)[1]
    assert tree(broken) == tree(whole)


def test_closed_stdout(place) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = run("clip.mkv", "--json", "-", stdout=writing)
    os.close(writing)
    err = process.communicate(timeout=500)[1]
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert len(names(place / "clip_masks")) == 7


@pytest.mark.parametrize("form", ["raw", "mpegts", "yuv4mpegpipe"])
def test_a_pipe(place, form) -> None:
    images = [image(i) for i in range(12)]
    words = ["-", "-o", "out", "-o", "o.mp4"]
    if form == "raw":
        data = b"".join(picture.tobytes() for picture in images)
        words += ["--raw", f"{SIZE[1]}x{SIZE[0]}:rgb24:10"]
    else:
        codec = "libx264" if form == "mpegts" else "rawvideo"
        data = make_video(place / "piped", images, codec=codec, container=form).read_bytes()
    process = run(*words, stdin=subprocess.PIPE, text=False)
    err = process.communicate(data, timeout=500)[1]
    assert process.returncode == 0, err
    assert names(place / "out") == [f"{i:05d}.png" for i in range(12)]
    with av.open("o.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_ctrl_c_while_a_pipe_is_silent(place) -> None:
    process = run("-", "--raw", f"{SIZE[1]}x{SIZE[0]}:rgb24", stdin=subprocess.PIPE, text=False)
    assert process.stdin is not None
    process.stdin.write(image(0).tobytes() * 3)
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not (place / "stdin_masks.part").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stdin.close()
    assert not (place / "stdin_masks").exists()


def test_a_named_pipe(place) -> None:
    os.mkfifo(place / "pipe")
    process = run("pipe", "-o", "out")
    with (place / "pipe").open("wb") as pipe:
        pipe.write((place / "clip.mkv").read_bytes())
    err = process.communicate(timeout=500)[1]
    assert process.returncode == 0, err
    assert len(names(place / "out")) == 7


def test_an_mp4_with_its_index_at_the_end_on_standard_input(place) -> None:
    data = make_video(place / "late.mp4", 12, sound="aac").read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    before = set(Path(tempfile.gettempdir()).glob("dpa-*.mp4"))
    process = run("-", "-o", "o.mp4", stdin=subprocess.PIPE, text=False)
    err = process.communicate(data, timeout=500)[1]
    assert process.returncode == 0, err
    with av.open("o.mp4") as container:
        assert len(container.streams.audio) == 1
        assert sum(1 for _ in container.decode(video=0)) == 12
    assert set(Path(tempfile.gettempdir()).glob("dpa-*.mp4")) == before


@pytest.mark.parametrize(
    ("kind", "pixels"), [("alpha", "bgra"), ("mask", "gray"), ("overlay", "bgr0"), (None, "gray")]
)
def test_matroska_on_standard_output(place, kind, pixels) -> None:
    source = make_video(place / "in.mp4", 9, sound="aac", stamps=[0, 1, 2, 5, 6, 7, 8, 11, 12])
    words = [] if kind is None else ["--kind", kind]
    process = run(source, "-o", "-", *words, stdout=subprocess.PIPE, text=False)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    with av.open(io.BytesIO(out)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == pixels
        assert len(container.streams.audio) == 1
        times = [frame.time for frame in container.decode(video=0)]
    # AAC begins before the pictures do, and Matroska with its first packet.
    assert [round((time - times[0]) * 25) for time in times] == [0, 1, 2, 5, 6, 7, 8, 11, 12]
    assert names(place) == ["clip.mkv", "in.mp4"]


@pytest.mark.parametrize(("layout", "channels"), [("gray", 1), ("rgb24", 3), ("rgba", 4)])
def test_bare_frames_on_standard_output(place, layout, channels) -> None:
    process = run("clip.mkv", "-o", "-", "--raw-out", layout, stdout=subprocess.PIPE, text=False)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    assert len(out) == 7 * SIZE[0] * SIZE[1] * channels
    if layout == "gray":
        masks = np.frombuffer(out, np.uint8).reshape(7, *SIZE)
        assert set(np.unique(masks)) == {0, 255}


def test_the_next_program_of_a_pipe_goes_away(place) -> None:
    process = run("clip.mkv", "-o", "-", "--raw-out", "rgba", stdout=subprocess.PIPE, text=False)
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait(60) == 1
    assert "Traceback" not in err
