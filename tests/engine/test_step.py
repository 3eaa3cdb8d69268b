"""Frames of a loop of one's own: arrays in, masks out, with nothing piled up."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import dpa
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from engine_samples import FakeBackend, image, make_clip, threads, truth

FRAMES = [image(index) for index in range(7)]


@pytest.mark.parametrize("smooth", [0.0, 0.5])
def test_arrays_give_the_masks_of_their_video(tmp_path: Path, backend: FakeBackend, smooth: float) -> None:
    wanted = list(dpa.segment(make_clip(tmp_path / "clip.mkv", 7), smooth=smooth))
    for arrays in (FRAMES, np.stack(FRAMES)):
        found = list(dpa.segment(arrays, smooth=smooth))
        for one, other in zip(found, wanted, strict=True):
            assert np.array_equal(one.probability, other.probability)
            assert np.array_equal(one.frame.image, other.frame.image)


def test_arrays_go_into_files_too(tmp_path: Path, backend: FakeBackend) -> None:
    assert dpa.segment(FRAMES, tmp_path / "masks").frames == 7
    assert dpa.segment(iter(FRAMES), tmp_path / "live").frames == 7
    names = [f"{index:05d}.png" for index in range(7)]
    for folder in ("masks", "live"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == names


def test_an_iterator_is_segmented_as_live(backend: FakeBackend) -> None:
    masks = list(dpa.segment(iter(FRAMES)))
    assert [mask.index for mask in masks] == list(range(7))
    assert backend.groups[0] == (1, True), "its first frame's own prototypes, as nothing can be sought"
    assert threads() == []


def test_no_array_is_one_sentence(backend: FakeBackend) -> None:
    with pytest.raises(InputError, match="frame 0 is a float64 array"):
        list(dpa.segment([np.zeros((4, 4, 3))]))


def test_steps_find_the_object(backend: FakeBackend) -> None:
    segmenter = Segmenter()
    masks = [segmenter.step(frame) for frame in FRAMES]
    assert [mask.index for mask in masks] == list(range(7))
    for mask in masks:
        assert np.mean(mask.binary != truth(mask.index)) < 0.02
    assert not masks[0].flow.any()
    assert masks[1].flow.any()
    assert threads() == []


def test_steps_without_flow(backend: FakeBackend) -> None:
    segmenter = Segmenter(flow="none")
    masks = [segmenter.step(frame) for frame in FRAMES]
    assert all(mask.flow is None and mask.flow_picture is mask.frame.image for mask in masks)


def test_a_step_knows_nothing_of_what_comes(backend: FakeBackend) -> None:
    segmenter, other = Segmenter(), Segmenter()
    for frame in FRAMES[:4]:
        one, two = segmenter.step(frame), other.step(frame)
    other.step(np.zeros_like(FRAMES[0]))
    assert np.array_equal(one.probability, two.probability)


def test_steps_see_what_live_input_does_but_for_the_next_frame(backend: FakeBackend) -> None:
    segmenter = Segmenter(smooth=0.0)
    stepped = [known for frame in FRAMES if segmenter.step(frame) for known in [backend.calls[-1]]]
    backend.calls.clear()
    list(dpa.segment(iter(FRAMES), smooth=0.0))
    assert stepped == backend.calls[1:]


def test_reset_begins_another_video(backend: FakeBackend) -> None:
    segmenter = Segmenter()
    first = [segmenter.step(frame).probability for frame in FRAMES[:3]]
    with pytest.raises(InputError, match="frame 3 is 32x32 but the first is 96x64"):
        segmenter.step(np.zeros((32, 32, 3), np.uint8))
    segmenter.reset()
    again = [segmenter.step(frame).probability for frame in FRAMES[:3]]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    segmenter.reset()
    assert segmenter.step(np.zeros((32, 32, 3), np.uint8)).index == 0


def test_smoothing_with_the_frame_before_damps_flicker(backend: FakeBackend) -> None:
    bright, dark = np.full((64, 96, 3), 200, np.uint8), np.full((64, 96, 3), 20, np.uint8)
    plain, smoothed = Segmenter(smooth=0.0), Segmenter(smooth=1.0)
    for segmenter in (plain, smoothed):
        segmenter.step(bright)
    assert plain.step(dark).probability.mean() + 0.1 < smoothed.step(dark).probability.mean()


@pytest.mark.slow
def test_memory_is_flat(backend: FakeBackend) -> None:
    segmenter, kept = Segmenter(), []
    for index in range(60):
        frame = image(index)
        kept.append(weakref.ref(frame))
        segmenter.step(frame)
    del frame
    gc.collect()
    assert [index for index, reference in enumerate(kept) if reference() is not None] == [59]


def test_every_nth_frame_is_nothing_for_steps(backend: FakeBackend) -> None:
    with pytest.raises(InputError, match="leave `every` at 1"):
        Segmenter(every=2).step(FRAMES[0])
