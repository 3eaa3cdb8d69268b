from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.errors import InputError
from dpa.flow.dis import DIS
from dpa.flow.stream import LAST_FRAME, direction, end_rule, flow_size, flows, pair_flow, reduce
from dpa.video.frame import Frame


class Tally:
    """Stands for an estimator: flow is (mean of second - mean of first, width); counts its calls."""

    name = "tally"

    def __init__(self) -> None:
        self.recipe: dict[str, object] = {}
        self.calls: list[tuple[int, int]] = []

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        a, b = round(float(first.mean())), round(float(second.mean()))
        self.calls.append((a, b))
        flow = np.empty((*first.shape[:2], 2), np.float32)
        flow[...] = b - a, first.shape[1]
        return flow


def video(values: list[int], height: int = 6, width: int = 10) -> Iterator[Frame]:
    for index, value in enumerate(values):
        yield Frame(np.full((height, width, 3), value, np.uint8), index)


def test_every_frame_once_in_order_each_pair_estimated_once() -> None:
    tally = Tally()
    result = list(flows(video([0, 10, 30, 60]), tally))
    assert [frame.index for frame, _ in result] == [0, 1, 2, 3]
    assert [flow[0, 0, 0] for _, flow in result] == [10, 20, 30, 30]
    assert tally.calls == [(0, 10), (10, 30), (30, 60), (60, 30)]


def test_the_last_frames_flow_is_the_one_back_negated(shifted_pair: Callable) -> None:
    first, second = shifted_pair(100, 120, 6, -4)
    estimator = DIS()
    (_, forward), (_, last) = flows([Frame(first, 0), Frame(second, 1)], estimator)
    np.testing.assert_array_equal(forward, estimator(first, second))
    np.testing.assert_array_equal(last, -estimator(second, first))
    # Motion goes on: the picture of the last frame looks like that of the one before.
    np.testing.assert_allclose(np.median(last, axis=(0, 1)), (6, -4), atol=0.3)


@pytest.mark.parametrize(
    ("gap", "calls"),
    [
        (2, [(0, 30), (10, 60), (30, 0), (60, 10)]),
        (-1, [(0, 10), (10, 0), (30, 10), (60, 30)]),
        (-2, [(0, 30), (10, 60), (30, 0), (60, 10)]),
        (3, [(0, 60), (60, 0)]),
    ],
)
def test_flow_over_a_gap_and_back(gap: int, calls: list[tuple[int, int]]) -> None:
    """Where the frame is missing that the flow leads to, the one as far the other way stands in, negated."""
    values = [0, 10, 30, 60]
    tally = Tally()
    result = list(flows(video(values), tally, gap=gap))
    assert [frame.index for frame, _ in result] == [0, 1, 2, 3]
    assert tally.calls == calls
    for i, (_, flow) in enumerate(result):
        there = [(k, sign) for k, sign in ((i + gap, 1), (i - gap, -1)) if 0 <= k < len(values)]
        wanted = there[0][1] * (values[there[0][0]] - values[i]) if there else 0
        assert flow[0, 0, 0] == wanted


def test_one_frame_has_zero_flow_and_needs_no_estimator() -> None:
    tally = Tally()
    ((_, flow),) = flows(video([7]), tally, size=5)
    assert flow.shape == (3, 5, 2)
    assert not flow.any()
    assert tally.calls == []


def test_no_frames() -> None:
    assert list(flows([], Tally())) == []


@given(values=st.lists(st.integers(0, 255), min_size=1, max_size=6), size=st.sampled_from([None, 3, 10, 99]))
def test_frames_alone_and_in_a_stream_agree(values: list[int], size: int | None) -> None:
    images = [frame.image for frame in video(values)]
    for index, (_, flow) in enumerate(flows(video(values), Tally(), size)):
        following = images[index + 1] if index + 1 < len(images) else None
        previous = images[index - 1] if index else None
        np.testing.assert_array_equal(pair_flow(Tally(), images[index], following, previous, size), flow)


def test_reduced_flow_is_in_pixels_of_the_full_frame(shifted_pair: Callable) -> None:
    first, second = shifted_pair(200, 320, 12, -8)
    flow = pair_flow(DIS(), first, second, size=160)
    assert flow.shape == (100, 160, 2)
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), (12, -8), atol=0.6)


@given(
    height=st.integers(1, 3000), width=st.integers(1, 3000), size=st.one_of(st.none(), st.integers(1, 4000))
)
def test_flow_size_keeps_the_aspect_and_never_enlarges(height: int, width: int, size: int | None) -> None:
    h, w = flow_size(height, width, size)
    assert 1 <= h <= height
    assert 1 <= w <= width
    if size is None or size >= max(height, width):
        assert (h, w) == (height, width)
    else:
        assert max(h, w) == size
        ratio = size / max(height, width)
        assert abs(h - height * ratio) <= 1
        assert abs(w - width * ratio) <= 1
        assert flow_size(width, height, size) == (w, h)


def test_a_size_of_nothing() -> None:
    with pytest.raises(InputError, match="at least 1"):
        flow_size(10, 10, 0)


def test_reducing_averages() -> None:
    stripes = np.zeros((4, 4, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (reduce(stripes, 2) == 100).all()
    assert reduce(stripes, 4) is stripes


@pytest.mark.parametrize("side", [480, 481])
def test_reducing_by_a_whole_number_first_moves_nothing(side: int) -> None:
    y, x = np.mgrid[:side, :854]
    image = np.stack([x / 854, y / side, (np.sin(x / 20) * np.cos(y / 20) + 1) / 2], -1)
    image = (255 * image).astype(np.uint8)
    found = reduce(image, 384).astype(float)
    wanted = cv2.resize(image, (found.shape[1], found.shape[0]), interpolation=cv2.INTER_AREA)
    assert np.abs(found - wanted).mean() < 0.5  # a pixel aside would be 0.66


def test_where_a_whole_number_divides_the_frame_it_is_averaged_by_it_first() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    half = image.reshape(30, 2, 45, 2, 3).astype(int).sum(axis=(1, 3))
    wanted = cv2.resize(((half + 2) // 4).astype(np.uint8), (40, 27), interpolation=cv2.INTER_LINEAR)
    assert np.abs(reduce(image, 40).astype(int) - wanted).max() <= 1
    odd = image[:59]
    wanted = cv2.resize(odd, (40, 26), interpolation=cv2.INTER_AREA)
    assert np.array_equal(reduce(odd, 40), wanted)


def test_skipped_frames_cost_nothing_but_still_serve_their_neighbours() -> None:
    tally = Tally()
    result = list(flows(video([0, 10, 30, 60]), tally, skip=lambda frame: frame.index in (1, 3)))
    assert [(frame.index, flow[0, 0, 0]) for frame, flow in result] == [(0, 10), (2, 30)]
    assert tally.calls == [(0, 10), (30, 60)]


def test_one_frame_of_look_ahead() -> None:
    read = []

    def source() -> Iterator[Frame]:
        for frame in video([0, 10, 20, 30]):
            read.append(frame.index)
            yield frame

    stream = flows(source(), Tally())
    next(stream)
    assert read == [0, 1]
    next(stream)
    assert read == [0, 1, 2]


def test_closing_closes_the_input() -> None:
    closed = []

    def source() -> Iterator[Frame]:
        try:
            yield from video([0, 1, 2, 3])
        finally:
            closed.append(True)

    stream = flows(source(), Tally())
    next(stream)
    stream.close()
    assert closed == [True]


def test_frames_of_two_sizes() -> None:
    frames = [*video([0]), Frame(np.zeros((6, 12, 3), np.uint8), 1)]
    with pytest.raises(InputError, match="10x6 and 12x6"):
        list(flows(frames, Tally()))
    with pytest.raises(InputError, match="one size"):
        pair_flow(Tally(), frames[0].image, frames[1].image)


def test_what_recipes_say_of_gaps() -> None:
    assert [direction(gap) for gap in (1, 3, -1)] == [
        f"frame t to frame t{gap}" for gap in ("+1", "+3", "-1")
    ]
    assert end_rule(1) == LAST_FRAME
    assert end_rule(-2).startswith("where there is no frame t-2, flow to frame t+2, negated")


def test_flow_is_scaled_by_side() -> None:
    # 6 x 10 pixels, of which flow is made on 3 x 5.
    _, (_, flow) = flows(video([0, 10]), Tally(), size=5)
    assert flow[0, 0].tolist() == [10 * 2, -5 * 2]
    _, (_, flow) = flows(video([0, 10], 5, 10), Tally(), size=4)
    assert flow.shape == (2, 4, 2)
    assert flow[0, 0].tolist() == [10 * 10 / 4, -4 * 5 / 2]


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (45, 60), (44, 60)])
def test_whole_numbers_must_divide_both_sides(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    height, width = flow_size(*size, 26)
    whole = size[0] // height
    if size[0] % whole == size[1] % whole == 0:
        half = cv2.resize(image, (size[1] // whole, size[0] // whole), interpolation=cv2.INTER_AREA)
        wanted = cv2.resize(half, (width, height), interpolation=cv2.INTER_LINEAR)
    else:
        wanted = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    assert np.array_equal(reduce(image, 26), wanted)


def test_only_frames_near_each_other_are_held() -> None:
    taken: list[int] = []

    def frames() -> Iterator[Frame]:
        for frame in video(list(range(9))):
            taken.append(frame.index)
            yield frame

    for frame, _ in flows(frames(), Tally(), gap=3):
        assert taken[-1] == min(frame.index + 3, 8)
