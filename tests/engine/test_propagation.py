"""Laws of propagation and smoothing along the flow."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.engine.frame_data import FrameData
from dpa.engine.propagation import keyed, propagated, smoothed
from dpa.video.frame import Frame

GRID = (40, 60)
FULL = (80, 180)  # of the frame: twice as high, three times as wide

PICTURE = np.zeros((2, 2, 3), np.uint8)


def frame(index: int, size: tuple[int, int] = FULL) -> Frame:
    return Frame(np.zeros((*size, 3), np.uint8), index)


def constant(dx: float, dy: float, size: tuple[int, int] = (10, 15)) -> np.ndarray:
    """The same motion everywhere, in pixels of the frame, on a grid of its own; dx, dy of the network's."""
    motion = np.array([dx * FULL[1] / GRID[1], dy * FULL[0] / GRID[0]], np.float32)
    return np.broadcast_to(motion, (*size, 2)).copy()


def blob(x: float, y: float) -> np.ndarray:
    """A soft object around a point of the network's grid."""
    rows, columns = np.mgrid[: GRID[0], : GRID[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 5**2)).astype(np.float32)


def data(index: int, flow: np.ndarray | None, probability: np.ndarray | None) -> FrameData:
    return FrameData(frame(index), PICTURE, flow, probability=probability)


def drawn(indices: range) -> list[FrameData]:
    return [data(i, np.zeros((2, 2, 2), np.float32), None) for i in indices]


def noise(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).random((count, *GRID), dtype=np.float32))


# -- keyed ---------------------------------------------------------------------------------------------


@given(start=st.integers(0, 9), count=st.integers(0, 20), every=st.integers(1, 6))
def test_the_network_sees_the_first_every_nth_and_the_last(start: int, count: int, every: int) -> None:
    got = list(keyed(drawn(range(start, start + count)), every))
    assert [item.frame.index for item in got] == list(range(start, start + count))
    seen = {item.frame.index for item in got if item.wanted}
    ends = {start, start + count - 1} if count else set()
    assert seen == ends | {i for i in range(start, start + count) if i % every == 0}


@pytest.mark.parametrize(("every", "ahead"), [(1, 0), (2, 1), (5, 1)])
def test_keyed_looks_at_most_one_frame_ahead(every: int, ahead: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[FrameData]:
        for item in drawn(range(20)):
            taken.append(item.frame.index)
            yield item

    keys = keyed(items(), every)
    for index in range(19):
        assert next(keys).frame.index == index
        assert taken[-1] == index + ahead


def test_other_errors_are_not_held_back() -> None:
    def items() -> Iterator[FrameData]:
        yield from drawn(range(4))
        raise OSError("the disk has gone")

    got = []
    with pytest.raises(OSError, match="has gone"):
        got.extend(keyed(items(), 3))
    assert [item.frame.index for item in got] == [0, 1, 2]


# -- propagated -------------------------------------------------------------------------------------------


def moving(n: int, dx: float, dy: float) -> tuple[list[FrameData], list[np.ndarray]]:
    """n + 1 frames of an object in constant motion, the ends known, and the truth."""
    truth = [blob(30 + dx * (k - n / 2), 20 + dy * (k - n / 2)) for k in range(n + 1)]
    found: list[FrameData] = [
        data(k, constant(dx, dy), truth[k] if k in (0, n) else None) for k in range(n + 1)
    ]
    return found, truth


@settings(max_examples=40)
@given(n=st.integers(1, 5), dx=st.integers(-2, 2), dy=st.integers(-2, 2))
def test_whole_pixels_are_carried_exactly(n: int, dx: int, dy: int) -> None:
    """Whatever the sizes of frame and flow: the units are the frame's pixels."""
    if n % 2 and (dx or dy):  # the truth would lie between pixels
        n += 1
    found, truth = moving(n, dx, dy)
    inner = np.s_[10:-10, 10:-10]  # what has come in over the border is not known
    for item, wanted in zip(propagated(found), truth, strict=True):
        np.testing.assert_allclose(item.probability[inner], wanted[inner], atol=1e-5)


@settings(max_examples=40)
@given(n=st.integers(2, 5), dx=st.floats(-2, 2), dy=st.floats(-2, 2))
def test_between_pixels_it_is_interpolated(n: int, dx: float, dy: float) -> None:
    found, truth = moving(n, dx, dy)
    inner = np.s_[10:-10, 10:-10]
    # A step's error: second derivatives, at most 1 / 5^2 each way, by an eighth; and places rounded to 1/32.
    bound = n * (2 / 25 / 8 + 2 * 0.61 / 5 / 64)
    for item, wanted in zip(propagated(found), truth, strict=True):
        assert np.abs(item.probability - wanted)[inner].max() <= bound


@given(n=st.integers(2, 6))
def test_without_motion_the_known_ones_are_blended(n: int) -> None:
    before, after = noise(2)
    still = constant(0, 0)
    found: list[FrameData] = [data(0, still, before)]
    found += [data(k, still, None) for k in range(1, n)]
    found.append(data(n, still, after))
    for k, item in enumerate(propagated(found)):
        assert item.probability.dtype == np.float32
        np.testing.assert_allclose(item.probability, (1 - k / n) * before + k / n * after, atol=1e-6)


def test_only_the_flow_of_frames_before_the_next_known_one_counts() -> None:
    """The last known frame's own flow leads on, not back; so does that of the known one before."""
    before, after = noise(2)
    still, wild = constant(0, 0), constant(9, -7)
    found: list[FrameData] = [data(0, still, before), data(1, still, None), data(2, wild, after)]
    middle = list(propagated(found))[1].probability
    np.testing.assert_allclose(middle, (before + after) / 2, atol=1e-6)
    found[0] = data(0, wild, before)
    forwards = list(propagated(found))[1].probability
    moved = np.empty_like(before)
    rows, columns = np.mgrid[: GRID[0], : GRID[1]]
    moved = before[np.clip(rows + 7, 0, GRID[0] - 1), np.clip(columns - 9, 0, GRID[1] - 1)]
    np.testing.assert_allclose(forwards, (moved + after) / 2, atol=1e-5)


@given(known=st.sets(st.integers(1, 14), max_size=8), count=st.integers(1, 16), motion=st.floats(-3, 3))
def test_every_frame_comes_out_in_order_and_known_ones_as_they_are(
    known: set[int], count: int, motion: float
) -> None:
    known = {i for i in known if i < count} | {0, count - 1}
    values = dict(zip(range(count), noise(count), strict=True))
    flow = constant(motion, 0)
    found: list[FrameData] = [data(i, flow, values[i] if i in known else None) for i in range(count)]
    got = list(propagated(found))
    assert [item.frame.index for item in got] == list(range(count))
    for index, item in enumerate(got):
        probability = item.probability
        assert item.flow is flow
        if index in known:
            assert probability is values[index]
        else:
            low = min(
                values[max(i for i in known if i < index)].min(), values[min(known - {*range(index)})].min()
            )
            assert low - 1e-6 <= probability.min() <= probability.max() <= 1 + 1e-6


def test_masks_come_as_soon_as_the_next_known_one_has() -> None:
    taken: list[int] = []

    def found() -> Iterator[FrameData]:
        for index in range(9):
            taken.append(index)
            yield data(index, constant(0, 0), blob(30, 20) if index % 4 == 0 else None)

    came = [(item.frame.index, taken[-1]) for item in propagated(found())]
    assert came == [(i, -(-i // 4) * 4) for i in range(9)]


# -- smoothed ------------------------------------------------------------------------------------------


def coarse(probability: np.ndarray) -> np.ndarray:
    """At half the resolution, and back."""
    h, w = probability.shape
    half = cv2.resize(probability, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(half, (w, h), interpolation=cv2.INTER_LINEAR)


@given(count=st.integers(1, 6), weight=st.floats(0, 4))
def test_without_motion_it_is_the_mean_of_neighbours(count: int, weight: float) -> None:
    values = noise(count)
    still = constant(0, 0)
    got = list(smoothed([data(i, still, p) for i, p in enumerate(values)], weight))
    assert [item.frame.index for item in got] == list(range(count))
    for i, item in enumerate(got):
        beside = [coarse(values[j]) for j in (i - 1, i + 1) if 0 <= j < count]
        wanted = (values[i] + weight * sum(beside)) / (1 + weight * len(beside))
        assert item.flow is still
        assert item.probability.dtype == np.float32
        np.testing.assert_allclose(item.probability, wanted, atol=1e-5)


@settings(max_examples=40)
@given(dx=st.integers(-3, 3), dy=st.integers(-3, 3), weight=st.floats(0, 4))
def test_what_moves_with_the_flow_stays(dx: int, dy: int, weight: float) -> None:
    found, truth = moving(4, dx, dy)
    exact = [replace(item, probability=p) for item, p in zip(found, truth, strict=True)]
    inner = np.s_[6:-6, 6:-6]
    for item, wanted in zip(smoothed(exact, weight), truth, strict=True):
        # What half the resolution takes off the blob's peak, by the neighbours' share at most.
        atol = 0.08 * 2 * weight / (1 + 2 * weight) + 1e-5
        np.testing.assert_allclose(item.probability[inner], wanted[inner], atol=atol)


def test_what_flickers_is_damped() -> None:
    still = constant(0, 0)
    values = [np.full(GRID, float(i % 2), np.float32) for i in range(6)]
    got = [one.probability.mean() for one in smoothed([data(i, still, p) for i, p in enumerate(values)], 0.5)]
    assert got == pytest.approx([1 / 3, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 2 / 3])


def test_frames_without_flow_are_left_out_of_the_mean() -> None:
    a, b, c = noise(3)
    still = constant(0, 0)
    items = [data(0, None, a), data(1, still, b), data(2, None, c)]
    first, second, third = (item.probability for item in smoothed(items, 1.0))
    assert np.array_equal(first, a)
    np.testing.assert_allclose(second, (b + coarse(c)) / 2, atol=1e-6)
    np.testing.assert_allclose(third, (coarse(b) + c) / 2, atol=1e-6)
    alone = list(smoothed([data(i, None, p) for i, p in enumerate((a, b, c))], 1.0))
    assert all(np.array_equal(one.probability, q) for one, q in zip(alone, (a, b, c), strict=True))


def test_smoothing_looks_one_frame_ahead() -> None:
    taken: list[int] = []

    def found() -> Iterator[FrameData]:
        for index in range(5):
            taken.append(index)
            yield data(index, constant(0, 0), blob(30, 20))

    came = [(item.frame.index, taken[-1]) for item in smoothed(found(), 0.5)]
    assert came == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 4)]
