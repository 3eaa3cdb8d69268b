"""Frames given to the network in groups, and frames that it does not see."""

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dpa
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError, TruncatedError
from dpa.video import RawVideo
from dpa.video.read import open_stdin
from engine_samples import SIZE, FakeBackend, image, levels, make_clip, make_cut_clip, threads, tree, truth

RAW = RawVideo(SIZE[1], SIZE[0], "rgb24")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert threads() == []


def run(path: Path, batch: int = 2, *, ifa: bool = True, **options: object) -> tuple[list, FakeBackend]:
    """Masks of a video, and the network that made them."""
    backend = FakeBackend(ifa, batch)
    return list(Segmenter(backend=backend, **options).masks(path)), backend  # type: ignore[arg-type]


def same(ours: list, others: list) -> bool:
    pairs = list(zip(ours, others, strict=True))
    return all(a.index == b.index and np.array_equal(a.probability, b.probability) for a, b in pairs)


@pytest.fixture
def known_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow is 3 pixels to the right everywhere, as `image`'s square moves."""

    def flow(_: object, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.array([3, 0], np.float32), (*first.shape[:2], 2)).copy()

    monkeypatch.setattr("dpa.flow.dis.DIS.__call__", flow)


# -- groups --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 2, 7, 9])
def test_masks_of_groups_are_those_of_frames_alone(tmp_path: Path, frames: int) -> None:
    path = make_clip(tmp_path / "clip.mkv", frames)
    alone, one = run(path, 1)
    assert [mask.index for mask in alone] == list(range(frames))
    assert {size for size, _ in one.groups} == {1}
    for batch in (2, 3, 8):
        masks, backend = run(path, batch)
        assert same(masks, alone)
        assert backend.calls == one.calls
        sizes = [size for size, remember in backend.groups if not remember]
        assert sizes == [batch] * (frames // batch) + ([frames % batch] if frames % batch else [])


def test_only_references_are_asked_for_their_prototypes(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", 9)
    for references, sizes in ((4, [3, 1]), (9, [3, 3, 3]), (1, [1])):
        _, backend = run(path, 3, references=references)
        assert backend.groups == [(size, True) for size in sizes] + [(3, False)] * 3
    _, backend = run(path, 3, ifa=False)
    assert backend.groups == [(3, False)] * 3


@pytest.mark.parametrize("every", [1, 3])
def test_all_masks_come_before_the_error(tmp_path: Path, every: int) -> None:
    path = make_cut_clip(tmp_path / "clip.mp4")
    counts = set()
    for batch in (1, 2, 5, 8):
        masks: list[dpa.Mask] = []
        backend = FakeBackend(batch=batch)
        with pytest.raises(TruncatedError, match="of 40 frames"):
            masks.extend(Segmenter(backend=backend, every=every).masks(path))
        assert [mask.index for mask in masks] == list(range(len(masks)))
        counts.add(len(masks))
    assert len(counts) == 1
    assert 4 < counts.pop() < 40


@pytest.mark.parametrize("batch", [1, 4])
def test_masks_of_whole_groups_come_before_other_errors(tmp_path: Path, batch: int) -> None:
    backend = FakeBackend(batch=batch)
    backend.fail_at = 4 + 6
    masks: list[dpa.Mask] = []
    with pytest.raises(RuntimeError, match="the network failed"):
        masks.extend(Segmenter(backend=backend, smooth=0).masks(make_clip(tmp_path / "clip.mkv", 20)))
    assert len(masks) == 6 - 6 % batch


def piped(frames: int, *, ends: bool = True) -> tuple[io.BufferedReader, threading.Thread, threading.Event]:
    """A pipe that raw frames come through; one that does not end goes on when the event is set."""
    out, into = os.pipe()
    go_on = threading.Event()
    if ends:
        go_on.set()

    def feed() -> None:
        with os.fdopen(into, "wb", buffering=0) as pipe:
            for index in range(frames):
                pipe.write(image(index).tobytes())
            go_on.wait(20)

    writer = threading.Thread(target=feed)
    writer.start()
    return os.fdopen(out, "rb"), writer, go_on


@pytest.mark.parametrize("ifa", [True, False])
def test_live_frames_are_given_alone(ifa: bool) -> None:
    backend = FakeBackend(ifa, batch=8)
    pipe, writer, _ = piped(12)
    with pipe, open_stdin(RAW, file=pipe) as source:
        masks = list(Segmenter(backend=backend).masks(source))
    writer.join()
    assert [mask.index for mask in masks] == list(range(12))
    assert {size for size, _ in backend.groups} == {1}
    assert {remember for _, remember in backend.groups} == {ifa}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("ifa", [True, False])
def test_a_live_mask_waits_for_no_group(ifa: bool) -> None:
    """Flow looks one frame ahead, smoothing another one: of five frames the first three masks are there."""
    pipe, writer, go_on = piped(5, ends=False)
    with pipe, open_stdin(RAW, file=pipe) as source:
        masks = Segmenter(backend=FakeBackend(ifa, batch=8)).masks(source)
        assert [next(masks).index for _ in range(3)] == [0, 1, 2]
        masks.close()
    go_on.set()
    writer.join()


# -- frames that the network does not see --------------------------------------------------------------


def test_every_frame_is_the_default(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", 7)
    (usual, one), (asked, other) = run(path), run(path, every=1)
    assert same(usual, asked)
    assert one.calls == other.calls


@pytest.mark.parametrize("frames", [1, 2, 9, 10])
@pytest.mark.parametrize("every", [2, 4, 50])
def test_the_network_sees_every_nth_frame(tmp_path: Path, frames: int, every: int) -> None:
    path = make_clip(tmp_path / "clip.mkv", frames)
    masks, backend = run(path, every=every, references=1)
    assert [mask.index for mask in masks] == list(range(frames))
    assert all(np.array_equal(mask.frame.image, image(mask.index)) for mask in masks)
    seen = sorted({*range(0, frames, every), frames - 1})
    assert [level for level, _ in backend.calls[1:]] == pytest.approx(levels(seen), abs=1)
    # What it has seen it says of these frames, too.
    usual = run(path, smooth=0)[0]
    for batch in (1, 3):
        ours = run(path, batch, every=every, smooth=0)[0]
        assert same([ours[i] for i in seen], [usual[i] for i in seen])


@pytest.mark.parametrize("smooth", [0.0, 0.5])
def test_masks_between_move_with_the_flow(tmp_path: Path, known_motion: None, smooth: float) -> None:
    masks, _ = run(make_clip(tmp_path / "clip.mkv", 13), every=4, smooth=smooth)
    for mask in masks[1:-1]:  # the first and the last flow are not what they seem: none, and negated
        assert np.mean(mask.binary != truth(mask.index)) < 0.015, mask.index
    blended = (masks[0].probability + masks[4].probability) / 2
    assert np.mean((blended > 0.5) != truth(2)) > 0.025, "a blend would not do"


@pytest.mark.parametrize("flow_size", [None, 96, 48])
def test_the_flow_is_in_pixels_of_the_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow_size: int | None
) -> None:
    """Frames of thrice the network's size; the square moves 9 of their pixels."""
    size = (3 * SIZE[0], 3 * SIZE[1])

    def flow(_: object, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        motion = np.array([9 * first.shape[1] / size[1], 0], np.float32)
        return np.broadcast_to(motion, (*first.shape[:2], 2)).copy()

    monkeypatch.setattr("dpa.flow.dis.DIS.__call__", flow)
    folder = tmp_path / "in"
    folder.mkdir()
    for index in range(9):
        large = image(index).repeat(3, 0).repeat(3, 1)
        Image.fromarray(large).save(folder / f"{index}.png")
    masks, _ = run(folder, every=4, flow_size=flow_size)
    for mask in masks:
        wanted = truth(mask.index).repeat(3, 0).repeat(3, 1)
        assert mask.binary.shape == size
        assert np.mean(mask.binary != wanted) < 0.03, mask.index


@pytest.mark.parametrize("smooth", [0.0, 0.5])
@pytest.mark.parametrize("every", [2, 3])
def test_resumed_masks_are_those_of_an_unbroken_run(tmp_path: Path, every: int, smooth: float) -> None:
    path = make_clip(tmp_path / "clip.mkv", 11)
    segmenter = Segmenter(backend=FakeBackend(), every=every, smooth=smooth)
    segmenter.write(path, [(tmp_path / "out", "soft")])
    whole = tree(tmp_path / "out")
    assert len(whole) == 11
    for start in (10, 7, 4, 1):
        for index in range(start, 11):
            (tmp_path / "out" / f"{index:05d}.png").unlink()
        summary = segmenter.write(path, [(tmp_path / "out", "soft")], resume=True)
        assert summary.frames == 11 - start
        assert tree(tmp_path / "out") == whole
        assert summary.settings["every"] == every


def test_live_frames_that_are_not_seen() -> None:
    backend = FakeBackend(batch=8)
    pipe, writer, _ = piped(11)
    with pipe, open_stdin(RAW, file=pipe) as source:
        masks = list(Segmenter(backend=backend, every=4).masks(source))
    writer.join()
    assert [mask.index for mask in masks] == list(range(11))
    # The first frame is its own reference.
    assert [level for level, _ in backend.calls] == pytest.approx(levels([0, 0, 4, 8, 10]), abs=1)


def test_flow_pictures_cannot_propagate_masks(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", 3)
    picture = tmp_path / "flow.png"
    Image.fromarray(image(0)).save(picture)
    backend = FakeBackend()
    segmenter = Segmenter(backend=backend, every=2)
    for given in ([picture] * 3, [None, picture, None]):
        with pytest.raises(InputError, match="cannot be propagated along flow pictures"):
            list(segmenter.masks(path, flow_pictures=given))
        with pytest.raises(InputError, match="cannot be propagated along flow pictures"):
            segmenter.write(path, [(tmp_path / "out", None)], flow_pictures=given)
    assert backend.calls == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mkv", "flow.png"]
    assert len(list(segmenter.masks(path, flow_pictures=[None] * 3))) == 3


def test_the_engine_says_what_computes() -> None:
    backend = FakeBackend()
    backend.precision, backend.device = "int8", "cuda:1"
    assert Segmenter(weights="mine", backend=backend).engine == "mine on cuda:1 (fake, int8)"
