"""The engine's threads: live input, closing, errors of every stage, and nothing left behind."""

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import dpa
from dpa.engine.segmenter import Segmenter
from dpa.errors import OutputError
from dpa.video import RawVideo, open_source
from dpa.video.read import open_stdin
from engine_samples import SIZE, FakeBackend, handles, image, make_clip, threads


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert threads() == []


def live(frames: int) -> tuple[io.BufferedReader, threading.Thread]:
    """A pipe that raw frames come through."""
    out, into = os.pipe()

    def feed() -> None:
        with os.fdopen(into, "wb") as pipe:
            for index in range(frames):
                pipe.write(image(index).tobytes())

    writer = threading.Thread(target=feed)
    writer.start()
    return os.fdopen(out, "rb"), writer


RAW = RawVideo(SIZE[1], SIZE[0], "rgb24")


def test_live_input_is_causal_bounded_and_repeatable(backend: FakeBackend) -> None:
    runs = []
    for _ in range(2):
        backend.calls.clear()
        pipe, writer = live(30)
        with pipe, open_stdin(RAW, file=pipe) as source:
            masks = list(Segmenter().masks(source))
        writer.join()
        runs.append([mask.probability for mask in masks])
        own = [level for level, _ in backend.calls[1:]]
        assert [mask.index for mask in masks] == list(range(30))
        # The first frame is its own reference: its prototypes are made first.
        assert len(backend.calls) == 1 + 30
        assert backend.calls[1][1] == [own[0]]
        for index, (_, known) in enumerate(backend.calls[2:], 1):
            assert len(known) == min(index, 4)
            assert set(known) <= set(own[:index])
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.timeout(200)
@pytest.mark.parametrize("early", [True, False])
def test_a_stalled_pipe_does_not_hold_up_closing_or_errors(backend: FakeBackend, early: bool) -> None:
    out, into = os.pipe()
    with os.fdopen(out, "rb") as pipe, os.fdopen(into, "wb", buffering=0) as feed:
        feed.write(b"".join(image(index).tobytes() for index in range(3)))
        with open_stdin(RAW, file=pipe) as source:
            backend.fail_at = None if early else 2
            masks = Segmenter(smooth=0).masks(source)
            assert next(masks).index == 0
            if early:
                masks.close()
            else:
                with pytest.raises(RuntimeError, match="the network failed"):
                    list(masks)


@pytest.mark.slow
def test_closing_early_leaves_nothing(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 60)
    masks = dpa.segment(path)
    next(masks)
    # The thread that looks for cuts may have come to the end.
    assert {"dpa-decode", "dpa-flow", "dpa-network", "dpa-masks"} <= set(threads())
    assert handles(path) > 0
    masks.close()
    assert threads() == []
    assert handles(path) == 0
    for mask in dpa.segment(path):
        if mask.index == 3:
            break
    del mask
    assert threads() == []
    assert handles(path) == 0


@pytest.mark.slow
def test_queues_are_bounded(tmp_path: Path, backend: FakeBackend) -> None:
    masks = dpa.segment(make_clip(tmp_path / "clip.mkv", 200))
    for _ in range(3):
        next(masks)
    threading.Event().wait(0.5)
    assert len(backend.calls) < 15
    masks.close()


def test_not_started_then_closed(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 5)
    dpa.segment(path).close()
    assert handles(path) == 0
    with open_source(path) as source:
        Segmenter().masks(source).close()


def _raise(*_: object, **__: object) -> None:
    raise OSError("this stage failed")


@pytest.mark.parametrize("stage", ["decode", "flow", "colour", "references", "network", "masks"])
def test_errors_of_every_stage_reach_the_caller(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    path = make_clip(tmp_path / "clip.mkv", 20)
    segmenter = Segmenter()
    if stage == "decode":
        monkeypatch.setattr("dpa.video.convert.Converter.__call__", _raise)
    elif stage == "flow":
        monkeypatch.setattr("dpa.flow.dis.DIS.__call__", _raise)
    elif stage == "colour":
        monkeypatch.setattr("dpa.engine.flow.flow_to_image", _raise)
    elif stage == "masks":
        monkeypatch.setattr("dpa.engine.pipeline.finish", _raise)
    else:
        backend.fail_at, backend.error = (1 if stage == "references" else 9), OSError("this stage failed")
    with pytest.raises(OSError, match="this stage failed"):
        segmenter.write(path, [(tmp_path / "out", None), (tmp_path / "out.mp4", None)])
    assert threads() == []
    assert handles(path) == 0
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.mp4").exists()
    with pytest.raises(OSError, match="this stage failed"):
        list(segmenter.masks(path))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_errors_of_writing_end_everything(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    from dpa.video.write import folder

    def full(path: Path, *_: object) -> None:
        if path.name == "00002.png":
            raise error

    monkeypatch.setattr(folder, "write_png", full)
    path = make_clip(tmp_path / "clip.mkv", 20)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        dpa.segment(path, output=tmp_path / "out")
    assert threads() == []
    assert handles(path) == 0
    assert not (tmp_path / "out").exists()


def test_two_videos_at_once(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 8)
    segmenter = Segmenter()
    alone = [mask.probability for mask in segmenter.masks(path)]
    pairs = zip(segmenter.masks(path), segmenter.masks(path), strict=True)
    for index, (one, other) in enumerate(pairs):
        assert np.array_equal(one.probability, alone[index])
        assert np.array_equal(other.probability, alone[index])
