"""DINOv2 looks at some frames; to the others its features come along the flow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.arrays import Flow
from dpa.engine.carried import Carried
from dpa.engine.frame_data import FrameData
from dpa.engine.segmenter import Segmenter
from dpa.video.frame import Frame
from engine_samples import LooksAtDinov2, brightness, image

SIZE = (32, 48)
GRID = (8, 12)
"""Of the features; a pixel of it is four of the frame."""


class Numbered:
    """Features that tell column, row and which look they are of."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        self.looks += 1
        rows, columns = np.indices(GRID, np.float32)
        return np.stack([columns, rows, np.full(GRID, self.looks, np.float32)])


def data(index: int, flow: tuple[float, float] | Flow | None, wanted: bool = True) -> FrameData:
    picture = np.zeros((*SIZE, 3), np.uint8)
    if isinstance(flow, tuple):
        flow = np.broadcast_to(np.float32(flow), (*SIZE, 2))
    return FrameData(Frame(picture, index), picture, flow, wanted)


def run(carried: Carried, frames: list[FrameData]) -> list[np.ndarray | None]:
    return [carried.next(one, one.frame.image if one.wanted else None) for one in frames]


def test_features_come_from_where_the_flow_says() -> None:
    frames = [data(0, (4, 0)), data(1, (8, -4)), data(2, (0, 0)), data(3, (0, 0))]
    found = run(Carried(Numbered(), 9), frames)
    rows, columns = np.indices(GRID)
    moved = [(0, 0), (1, 0), (3, -1), (3, -1)]  # since the first frame, in pixels of the grid
    for (right, down), features in zip(moved, found, strict=True):
        assert features.dtype == np.float32
        inner = np.s_[2:-2, 4:-4]
        assert np.allclose(features[0][inner], (columns - right)[inner], atol=1e-4)
        assert np.allclose(features[1][inner], (rows - down)[inner], atol=1e-4)
        assert (features[2] == 1).all()


def test_causal_flow_is_that_from_the_frame_before() -> None:
    # The same motion, told by the frame to which it leads.
    ahead = run(Carried(Numbered(), 9), [data(0, (4, 0)), data(1, (8, -4)), data(2, (9, 9))])
    behind = run(Carried(Numbered(), 9, causal=True), [data(0, (9, 9)), data(1, (4, 0)), data(2, (8, -4))])
    assert all(np.array_equal(a, b) for a, b in zip(ahead, behind, strict=True))


def test_motion_that_differs_from_place_to_place_adds_up_along_the_way() -> None:
    # All that is left of the middle moves by one pixel of the grid a frame, the rest stands still.
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[:, : SIZE[1] // 2, 0] = 4
    found = run(Carried(Numbered(), 9), [data(i, flow) for i in range(3)])
    assert np.allclose(found[2][0][:, 3:5], [[1, 2]])
    assert np.allclose(found[2][0][:, -3:], [[9, 10, 11]])


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([data(i, (0, 0)) for i in range(9)], [0, 4, 8]),
        ([data(i, (0, 0)) for i in range(6, 13)], [6, 8, 12]),
        ([data(i, (0, 0), wanted=i % 3 == 0) for i in range(13)], [0, 6, 9, 12]),
        ([data(i, None) for i in range(3)], [0, 1, 2]),
        ([data(0, (0, 0)), data(1, None), data(2, (0, 0)), data(3, (0, 0))], [0, 2]),
        (
            [data(0, (0, 0)), data(1, None, wanted=False), data(2, None, wanted=False), data(3, (0, 0))],
            [0, 3],
        ),
    ],
)
def test_which_frames_dinov2_looks_at(frames: list[FrameData], expected: list[int]) -> None:
    look = Numbered()
    carried, looked = Carried(look, 4), []
    for one in frames:
        before = look.looks
        features = carried.next(one, one.frame.image if one.wanted else None)
        assert (features is None) is not one.wanted
        looked += [one.frame.index] * (look.looks - before)
        assert features is None or (features[2] == look.looks).all(), "the last look's"
    assert looked == expected


@given(start=st.integers(0, 40), every=st.integers(2, 9))
def test_begun_at_a_look_it_goes_on_as_from_the_beginning(start: int, every: int) -> None:
    rng = np.random.default_rng(start)
    frames = [data(i, tuple(rng.uniform(-6, 6, 2))) for i in range(50)]
    whole, begun = run(Carried(brightness, every), frames), start // every * every
    part = run(Carried(brightness, every), frames[begun:])
    assert all(np.array_equal(a, b) for a, b in zip(whole[start:], part[start - begun :], strict=True))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What DINOv2 is shown."""
    found: list[np.ndarray] = []

    def look(picture: np.ndarray) -> np.ndarray:
        found.append(picture)
        return brightness(picture)

    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: look)
    return found


@pytest.mark.parametrize("mirror", [True, False])
def test_a_segmenter_looks_at_few_frames_and_finds_nearly_the_same(
    looked: list[np.ndarray], mirror: bool
) -> None:
    frames = np.full((20, 128, 192, 3), 20, np.uint8)
    for index, frame in enumerate(frames):
        frame[40:80, 20 + 4 * index : 60 + 4 * index] = np.indices((40, 40)).sum(0)[..., None] + 150
    found = []
    for every in (1, 8):
        backend = LooksAtDinov2()
        segmenter = Segmenter(backend=backend, dinov2_every=every, mirror=mirror, flow="dis", target="off")
        found.append([mask.probability for mask in segmenter.masks(frames)])
    assert len(looked) == 3, "frames 0, 8 and 16; its network makes the others' itself"
    assert np.mean([np.abs(a - b).mean() for a, b in zip(*found, strict=True)]) < 0.02
    stands = [np.abs(found[0][0] - one).mean() for one in found[0][1:]]
    assert np.mean(stands) > 0.04, "frames are not all alike"


def test_frames_that_come_one_by_one_are_carried_too(looked: list[np.ndarray]) -> None:
    backend = LooksAtDinov2()
    segmenter = Segmenter(backend=backend, dinov2_every=4, flow="dis-ultrafast")
    for index in range(6):
        segmenter.step(image(index))
    assert len(looked) == 2
    segmenter.reset()
    segmenter.step(image(0))
    assert len(looked) == 3
