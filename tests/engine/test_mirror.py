"""Every second frame is shown to the network mirrored, and what it says of it is turned back."""

import numpy as np
import pytest

from dpa.arrays import Flow
from dpa.backends import Memory
from dpa.engine.frame_data import FrameData
from dpa.engine.mirror import is_mirrored, mirror, mirror_back
from dpa.engine.part import Part
from dpa.engine.references import Inputs
from dpa.engine.segmenter import Segmenter
from dpa.video.frame import Frame
from engine_samples import FakeBackend


class Leftish(FakeBackend):
    """Says more of an object to the left: its errors are on one side."""

    has_features = True

    def __call__(self, images, flows, references, *, remember=False, features=False, dinov2=None):
        seen = super().__call__(images, flows, references, remember=remember)
        slope = np.linspace(0.3, 0, images.shape[2], dtype=np.float32)
        maps = [[image.transpose(2, 0, 1).astype(np.float32)] for image in images] if features else []
        return seen._replace(probability=np.clip(seen.probability + slope, 0, 1), features=maps)


def given(frames: int) -> tuple[np.ndarray, np.ndarray, Memory]:
    images, flows = np.random.default_rng(0).integers(100, 156, (2, frames, 32, 64, 3), dtype=np.uint8)
    return images, flows, Memory.blank(FakeBackend().config)


def moving(frames: int) -> list[np.ndarray]:
    pictures = np.full((frames, 64, 96, 3), 20, np.uint8)
    for index, frame in enumerate(pictures):
        frame[16:48, 20 + 2 * index : 60 + 2 * index] = 150
    return [*pictures]


@pytest.mark.parametrize("features", [True, False])
def test_what_is_said_of_a_mirrored_frame_is_turned_back(features: bool) -> None:
    backend, turns = Leftish(batch=4), [False, True, False]
    images, flows, references = given(3)
    pairs = [
        mirror(Inputs(image, flow)) if turn else Inputs(image, flow)
        for image, flow, turn in zip(images, flows, turns, strict=True)
    ]
    shown = [np.stack([pair[part] for pair in pairs]) for part in (0, 1)]
    seen = mirror_back(backend(*shown, references, features=features), turns)
    alone = backend(images, flows, references, features=features)
    turned = backend(images[:, :, ::-1], flows[:, :, ::-1], references, features=features)
    for frame in (0, 2):
        assert np.array_equal(seen.probability[frame], alone.probability[frame])
    assert np.array_equal(seen.probability[1], turned.probability[1][:, ::-1])
    assert not np.allclose(seen.probability[1], alone.probability[1], atol=0.05)
    assert len(seen.features) == (3 if features else 0)
    for ours, theirs in zip(seen.features, alone.features, strict=True):
        assert np.array_equal(ours[0], theirs[0]), "features that are the picture itself"


@pytest.mark.parametrize(
    ("every", "expected"), [(1, [0, 1, 0, 1, 0, 1, 0, 1]), (2, [0, 0, 1, 1, 0, 0, 1, 1])]
)
def test_whose_turn_it_is(every: int, expected: list[int]) -> None:
    def data(index: int, flow: Flow | None) -> FrameData:
        image = np.zeros((8, 8, 3), np.uint8)
        return FrameData(Frame(image, index), image, flow)

    flow = np.zeros((8, 8, 2), np.float32)
    assert [is_mirrored(data(index, flow), every) for index in range(8)] == expected
    assert not any(is_mirrored(data(index, None), every) for index in range(8))


def test_smoothing_takes_errors_of_one_side_out() -> None:
    frames, settings = moving(9), {"flow": "dis-ultrafast", "refine": "off", "target": "off"}

    def leans(**changes: object) -> list[float]:
        """How much more object there is to the left than to the right, in each of the inner frames."""
        segmenter = Segmenter(backend=Leftish(batch=2), **settings, **changes)  # type: ignore[arg-type]
        found = [mask.probability[2:10] for mask in segmenter.masks(np.stack(frames))][1:-1]
        return [float(one[:, :48].mean() - one[:, 48:].mean()) for one in found]

    assert min(leans(mirror=False)) > 0.1
    assert max(map(abs, leans())) < 0.02
    alone = leans(smooth=0)
    assert min(alone[1::2]) > 0.1, "frames 2, 4 and 6, as they are"
    assert max(alone[0::2]) < -0.1, "frames 1, 3, 5 and 7, mirrored"


def test_a_part_has_the_masks_of_the_whole() -> None:
    frames = np.stack(moving(9))
    segmenter = Segmenter(backend=Leftish(batch=2), flow="dis-ultrafast")
    whole = [mask.probability for mask in segmenter.masks(frames)]
    part = [mask.probability for mask in segmenter.masks(frames, part=Part(3, 7))]
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[3:7], strict=True))


def test_live_frames_and_single_ones_are_seen_as_they_are() -> None:
    frames, found = moving(6), {}
    for by_turns in (True, False):
        segmenter = Segmenter(backend=Leftish(batch=2), flow="dis-ultrafast", mirror=by_turns)
        found[by_turns] = [mask.probability for mask in segmenter.masks(iter(frames))]
        found[by_turns] += [segmenter.step(frame).probability for frame in frames]
    assert len(found[True]) == 12
    assert all(np.array_equal(a, b) for a, b in zip(found[True], found[False], strict=True))


def test_best_asks_dinov2_of_the_frames_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def grey(image: np.ndarray) -> np.ndarray:
        asked.append(image)
        return image.mean(-1, dtype=np.float32)[None, ::2, ::2]

    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: grey)
    segmenter = Segmenter(backend=FakeBackend(batch=8), quality="best", flow="dis-ultrafast", smooth=0)
    assert segmenter.config.target == "dinov2"
    assert len(list(segmenter.masks(np.stack(moving(4))))) == 4
    assert len(asked) == 8, "four frames, which are the references too"
    assert all(np.array_equal(a, b) for a, b in zip(asked[:4], asked[4:], strict=True))
