"""The engine, with a network that needs no weights."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_samples import damage, make_folder, make_video

import dpa
from dpa.engine.pipeline import _centred
from dpa.engine.references import reference_indices
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError, OutputError, TruncatedError
from engine_samples import SIZE, FakeBackend, image, levels, make_clip, make_cut_clip, threads, tree, truth


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert threads() == []


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_without_refinement_the_mask_is_the_threshold(tmp_path: Path, backend, threshold) -> None:
    path = make_clip(tmp_path / "clip.mkv", 3, rate=10)
    for mask in dpa.segment(path, refine="off", threshold=threshold):
        assert mask.alpha is None
        assert np.array_equal(mask.binary, mask.probability > threshold)


def test_refinement_is_of_masks_and_the_ramp_of_cut_outs_only(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 3, rate=10)
    plain, fine, ramped = (
        list(dpa.segment(path, **settings)) for settings in ({"refine": "off"}, {}, {"alpha": "ramp"})
    )
    for off, on, ramp in zip(plain, fine, ramped, strict=True):
        assert np.array_equal(off.probability, on.probability), "soft masks are the network's"
        assert np.array_equal(on.binary, ramp.binary)
        assert ramp.alpha is None
    with pytest.raises(InputError, match="unknown refine 'on': choose auto or off"):
        dpa.segment(path, refine="on")


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_the_threshold_is_where_refinement_begins(threshold: float) -> None:
    p = np.linspace(0, 1, 101, dtype=np.float32)[None]
    centred = _centred(p, threshold)
    away = np.abs(p - threshold) > 1e-4
    assert np.array_equal((centred > 0.5)[away], (p > threshold)[away])
    assert (np.diff(centred) > 0).all()
    assert (centred[0, 0], centred[0, -1]) == pytest.approx((0, 1))


@pytest.mark.parametrize("frames", [1, 2, 3, 11])
def test_a_mask_for_every_frame(tmp_path: Path, backend: FakeBackend, frames: int) -> None:
    path = make_clip(tmp_path / "clip.mkv", frames, rate=10)
    masks = list(dpa.segment(path))
    assert [mask.index for mask in masks] == list(range(frames))
    assert [mask.time for mask in masks] == [Fraction(i, 10) for i in range(frames)]
    for mask in masks:
        assert mask.binary.dtype == bool
        assert mask.probability.dtype == np.float32
        assert mask.binary.shape == mask.probability.shape == SIZE
        assert np.array_equal(mask.binary, mask.alpha > 127)
        assert np.mean(mask.binary != truth(mask.index)) < 0.02
        assert np.array_equal(mask.frame.image, image(mask.index))
        assert mask.flow.shape == (*SIZE, 2)
    assert any(mask.flow.any() for mask in masks) == (frames > 1)


def test_masks_have_the_frames_own_size(tmp_path: Path, backend: FakeBackend) -> None:
    folder = make_folder(tmp_path / "in", ["a.png", "b.png"], size=(301, 433))
    masks = list(dpa.segment(folder, flow_size=200))
    assert {mask.probability.shape for mask in masks} == {(301, 433)}
    assert {mask.flow.shape for mask in masks} == {(139, 200, 2)}
    assert [mask.time for mask in masks] == [None, None]


def test_pictures(tmp_path: Path, backend: FakeBackend) -> None:
    Image.fromarray(image(3)).save(tmp_path / "cat.png")
    (mask,) = dpa.segment(tmp_path / "cat.png")
    assert not mask.flow.any()
    assert np.mean(mask.binary != truth(3)) < 0.02
    assert len(list(dpa.segment([tmp_path / "cat.png"] * 3))) == 3
    dpa.segment(tmp_path / "cat.png", output=tmp_path / "mask.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "mask.png")) > 0, mask.binary)


@pytest.mark.parametrize(("frames", "n"), [(1, None), (3, None), (13, None), (13, 2), (13, 40)])
def test_references_are_encoded_once(
    tmp_path: Path, backend: FakeBackend, frames: int, n: int | None
) -> None:
    count = len(list(dpa.segment(make_clip(tmp_path / "clip.mkv", frames), references=n)))
    indices = reference_indices(frames, n or 4)
    assert count == frames
    assert len(backend.calls) == len(indices) + frames
    first, rest = backend.calls[: len(indices)], backend.calls[len(indices) :]
    assert [level for level, _ in first] == pytest.approx(levels(indices), abs=1)
    assert [level for level, _ in rest] == pytest.approx(levels(range(frames)), abs=1)
    for _, known in rest:
        assert known == [level for level, _ in first]


def test_several_kinds_from_one_computation(tmp_path: Path, backend: FakeBackend) -> None:
    outputs = [("mask", "mask"), ("soft", "soft"), ("o.mp4", "overlay"), ("a.webm", None), ("c.json", None)]
    outputs += [("strip.mp4", "strip"), ("rgba", "rgba")]
    done: list[tuple[int, int | None]] = []
    summary = Segmenter().write(
        make_clip(tmp_path / "clip.mkv", 6),
        [(tmp_path / name, kind) for name, kind in outputs],
        progress=lambda *now: done.append(now),
    )
    assert len(backend.calls) == 4 + 6
    assert done == [(i, 6) for i in range(7)]
    assert summary.frames == 6
    assert summary.outputs == [str(tmp_path / name) for name, _ in outputs]
    assert {"total", "decode", "flow", "references", "network", "write"} <= set(summary.seconds)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["clip.mkv", *(name for name, _ in outputs)]
    )
    assert len(tree(tmp_path / "mask")) == len(tree(tmp_path / "rgba")) == 6


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [0.0, 0.5])
@pytest.mark.parametrize("stop", [0, 1, 5, 8])
def test_resumed_masks_are_those_of_an_unbroken_run(
    tmp_path: Path, backend: FakeBackend, stop: int, smooth: float
) -> None:
    path = make_clip(tmp_path / "clip.mkv", 9)
    # What fails takes its group with it, and the frame that waits to be smoothed.
    written = max(0, stop - stop % backend.batch - (smooth > 0))
    for kind in ("soft", "strip"):
        dpa.segment(path, tmp_path / "whole", kind, overwrite=True, smooth=smooth)
        backend.fail_at = len(backend.calls) + 4 + stop
        with pytest.raises(RuntimeError):
            dpa.segment(path, tmp_path / "out", kind, smooth=smooth)
        backend.fail_at = None
        summary = dpa.segment(path, tmp_path / "out", kind, resume=True, smooth=smooth)
        assert summary.frames == 9 - written
        assert tree(tmp_path / "out") == tree(tmp_path / "whole")
        calls = len(backend.calls)
        assert dpa.segment(path, tmp_path / "out", kind, resume=True, smooth=smooth).frames == 0
        assert len(backend.calls) == calls
        for file in (tmp_path / "out").iterdir():
            file.unlink()
        (tmp_path / "out").rmdir()


def test_folders_at_different_frames_are_resumed_together(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 6)
    outputs = [(tmp_path / "mask", "mask"), (tmp_path / "soft", "soft")]
    Segmenter().write(path, outputs)
    before = tree(tmp_path / "mask"), tree(tmp_path / "soft")
    (tmp_path / "mask" / "00004.png").unlink()
    (tmp_path / "soft" / "00002.png").unlink()
    assert Segmenter().write(path, outputs, resume=True).frames == 4
    assert (tree(tmp_path / "mask"), tree(tmp_path / "soft")) == before


def test_a_cut_video_gives_what_is_there(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_cut_clip(tmp_path / "clip.mp4")
    masks = []
    with pytest.raises(TruncatedError, match=r"cut off or damaged: \d+ of 40 frames"):
        masks.extend(dpa.segment(path))
    assert 4 < len(masks) < 40
    with pytest.raises(TruncatedError) as caught:
        dpa.segment(path, output=tmp_path / "out")
    assert len(tree(tmp_path / "out")) == caught.value.summary.frames == len(masks)
    assert caught.value.summary.problem == str(caught.value)
    assert caught.value.summary.seconds["total"] > 0
    with pytest.raises(TruncatedError):
        dpa.segment(path, output=tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").stat().st_size > 0
    # Resuming does not make it whole.
    with pytest.raises(TruncatedError, match="of 40 frames"):
        dpa.segment(path, output=tmp_path / "out", resume=True)
    assert len(tree(tmp_path / "out")) == len(masks)


def test_a_damaged_frame_does_not_end_it(tmp_path: Path, backend: FakeBackend) -> None:
    path = damage(make_video(tmp_path / "clip.mp4", [image(i) for i in range(20)], options={"bf": "0"}))
    masks = []
    with pytest.raises(TruncatedError):
        masks.extend(dpa.segment(path))
    assert len(masks) >= 18


def test_a_stream_that_switches_its_size(tmp_path: Path, backend: FakeBackend) -> None:
    parts = [
        make_video(tmp_path / f"{i}.ts", [image(0, size)] * 6) for i, size in enumerate([(64, 96), (96, 144)])
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    shapes = {mask.binary.shape for mask in dpa.segment(path.as_uri())}
    assert shapes == {(64, 96)}


def test_threshold_and_normalise(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 3)
    sizes = [sum(m.binary.sum() for m in dpa.segment(path, threshold=t)) for t in (0.01, 0.5, 0.999)]
    assert sizes == sorted(sizes, reverse=True)
    plain, stretched = (list(dpa.segment(path, normalise=choice)) for choice in (False, True))
    for one, other in zip(plain, stretched, strict=True):
        low, high = one.probability.min(), one.probability.max()
        assert (other.probability.min(), other.probability.max()) == (0, pytest.approx(1))
        np.testing.assert_allclose(other.probability, (one.probability - low) / (high - low), atol=1e-5)
    # Stretched at the frame's size, which is smaller here than the network's.
    for mask in dpa.segment(path, normalise=True, size=512):
        assert (mask.probability.min(), mask.probability.max()) == (0, pytest.approx(1, abs=1e-6))


def test_working_size_and_flow_floor(tmp_path: Path, backend: FakeBackend, monkeypatch) -> None:
    seen: list[tuple[tuple[int, ...], float]] = []
    call = FakeBackend.one

    def look(self, image, flow, references):
        seen.append((image.shape, float(flow.min(axis=2).mean())))
        return call(self, image, flow, references)

    monkeypatch.setattr(FakeBackend, "one", look)
    path = make_clip(tmp_path / "clip.mkv", 2)
    list(dpa.segment(path, size=128))
    list(dpa.segment(path, size=192, flow_floor=50.0))
    half = len(seen) // 2
    assert {shape for shape, _ in seen[:half]} == {(96, 160, 3)}
    assert {shape for shape, _ in seen[half:]} == {(160, 224, 3)}
    # Nearly white: motion far below the floor is pale.
    assert min(white for _, white in seen[half:]) > max(white for _, white in seen[:half])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 0}, "between 0 and 1"),
        ({"threshold": float("nan")}, "between 0 and 1"),
        ({"references": 0}, "at least one reference"),
        ({"size": 32}, "at least 64"),
        ({"every": 0}, "every frame"),
        ({"flow": "farneback"}, "farneback"),
        ({"device": "tpu"}, "tpu"),
        ({"kind": "soft"}, "give an output too"),
        ({"resume": True}, "give an output too"),
    ],
)
def test_bad_settings(backend: FakeBackend, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        dpa.segment("clip.mp4", **options)


def test_outputs_that_collide(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 2)
    for other, sentence in ((tmp_path / "out", "two outputs"), (tmp_path / "out" / "o.mp4", "lies inside")):
        with pytest.raises(InputError, match=sentence):
            Segmenter().write(path, [(tmp_path / "out", None), (other, None)])
    assert list(tmp_path.iterdir()) == [path]


def test_the_second_output_fails_before_any_work(tmp_path: Path, backend: FakeBackend) -> None:
    path = make_clip(tmp_path / "clip.mkv", 2)
    (tmp_path / "o.mp4").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        Segmenter().write(path, [(tmp_path / "out", None), (tmp_path / "o.mp4", None)])
    assert backend.calls == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip.mkv", "o.mp4"]
    assert (tmp_path / "o.mp4").read_text() == "mine"
