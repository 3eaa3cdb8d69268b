"""A frame and its mirror image, seen by one network."""

import numpy as np
import pytest

from dpa.backends import Memory
from dpa.engine.mirror import Mirrored
from dpa.engine.segmenter import Segmenter
from engine_samples import FakeBackend


class Leftish(FakeBackend):
    """Says more of an object to the left: its errors are on one side."""

    has_features = True

    def __call__(self, images, flows, references, *, remember=False, features=False):
        seen = super().__call__(images, flows, references, remember=remember)
        slope = np.linspace(0.3, 0, images.shape[2], dtype=np.float32)
        maps = [[image.transpose(2, 0, 1).astype(np.float32)] for image in images] if features else []
        return seen._replace(probability=np.clip(seen.probability + slope, 0, 1), features=maps)


def given(frames: int) -> tuple[np.ndarray, np.ndarray, Memory]:
    images, flows = np.random.default_rng(0).integers(100, 156, (2, frames, 32, 64, 3), dtype=np.uint8)
    return images, flows, Memory.blank(FakeBackend().config)


@pytest.mark.parametrize("frames", [1, 2])
def test_the_mean_knows_no_left_and_right(frames: int) -> None:
    backend = Leftish(batch=4)
    images, flows, references = given(frames)
    mirrored = Mirrored(backend)
    seen = mirrored(images, flows, references)
    other = mirrored(images[:, :, ::-1], flows[:, :, ::-1], references)
    np.testing.assert_allclose(seen.probability, other.probability[:, :, ::-1], atol=1e-6)
    alone = backend(images, flows, references).probability
    turned = backend(images[:, :, ::-1], flows[:, :, ::-1], references).probability[:, :, ::-1]
    np.testing.assert_allclose(seen.probability, (alone + turned) / 2, atol=1e-6)
    assert seen.probability.dtype == np.float32
    assert not np.allclose(alone, turned)


def test_prototypes_and_features_are_the_frames_own() -> None:
    backend = Leftish(batch=4)
    images, flows, references = given(2)
    seen = Mirrored(backend)(images, flows, references, remember=True, features=True)
    alone = backend(images, flows, references, remember=True, features=True)
    assert len(seen.own) == len(seen.features) == 2
    for ours, theirs in zip([*seen.own, *seen.features], [*alone.own, *alone.features], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("batch", "expected"), [(1, 1), (2, 1), (3, 1), (8, 4)])
def test_half_as_many_frames_at_once(batch: int, expected: int) -> None:
    assert Mirrored(FakeBackend(batch=batch)).batch == expected


def test_best_is_mirrored_and_asks_dinov2_of_the_frames_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def grey(image: np.ndarray) -> np.ndarray:
        asked.append(image)
        return image.mean(-1, dtype=np.float32)[None, ::2, ::2]

    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: grey)
    frames = np.full((4, 64, 96, 3), 20, np.uint8)
    for index, frame in enumerate(frames):
        frame[16:48, 20 + 4 * index : 60 + 4 * index] = 220
    calls, found = {}, {}
    for quality in ("good", "best"):
        backend = FakeBackend(batch=8)
        segmenter = Segmenter(backend=backend, quality=quality, flow="dis-ultrafast", refine="off", smooth=0)
        found[quality] = [mask.probability for mask in segmenter.masks([*frames])]
        assert len(found[quality]) == 4
        assert segmenter.config.target == {"good": "off", "best": "dinov2"}[quality]
        calls[quality] = len(backend.calls)
    assert calls["best"] == 2 * calls["good"]
    assert len(asked) == 8, "four frames, which are the references too"
    assert not np.allclose(found["good"], found["best"], atol=0.01)
