"""Decisions about whole regions: weak ones go, strong ones stay, and what the frames beside know counts."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpa.engine import regions
from dpa.engine.regions import STRONG, decided

SHAPE = (72, 128)


def disc(x: int, y: int, radius: int, level: float, ground: float = 0.05) -> np.ndarray:
    """A soft disc that rises to `level` from `ground`."""
    picture = np.full(SHAPE, ground, np.float32)
    cv2.circle(picture, (x, y), radius, level, -1)
    return cv2.GaussianBlur(picture, (0, 0), 1)


def scene(weak: float) -> np.ndarray:
    """A sure object on the left, another one on the right that rises to `weak`."""
    return np.maximum(disc(30, 36, 14, 0.98), disc(95, 36, 10, weak))


def test_a_weak_region_goes_and_a_strong_one_stays():
    mask = decided(scene(0.65)) > 0.5
    assert mask[36, 30]
    assert not mask[:, 64:].any()
    assert (decided(scene(0.9)) > 0.5)[36, 95]


def test_nothing_jumps_where_a_region_is_turned_over():
    before, after = scene(0.65), decided(scene(0.65))
    steps = [max(np.abs(np.diff(p[:, 64:], axis=axis)).max() for axis in (0, 1)) for p in (before, after)]
    assert steps[1] <= steps[0] + 1e-6
    assert np.array_equal(after[:, :64], before[:, :64])


def test_a_region_that_is_strong_in_a_frame_beside_stays():
    sure = cv2.resize(scene(0.95), (64, 36), interpolation=cv2.INTER_AREA)
    unsure = cv2.resize(scene(0.65), (64, 36), interpolation=cv2.INTER_AREA)
    assert (decided(scene(0.65), [unsure, sure]) > 0.5)[36, 95]
    assert not (decided(scene(0.65), [unsure, unsure]) > 0.5)[36, 95]


def test_a_hole_must_be_surely_background():
    def with_hole(level: float) -> np.ndarray:
        picture = disc(60, 36, 25, 0.98)
        cv2.circle(picture, (60, 36), 6, level, -1)
        return cv2.GaussianBlur(picture, (0, 0), 1)

    assert (decided(with_hole(0.4)) > 0.5)[36, 60]
    assert not (decided(with_hole(0.05)) > 0.5)[36, 60]
    sure = cv2.resize(with_hole(0.05), (64, 36), interpolation=cv2.INTER_AREA)
    assert not (decided(with_hole(0.4), [sure]) > 0.5)[36, 60]


def test_weak_background_at_the_picture_s_border_is_no_hole():
    picture = np.full(SHAPE, 0.98, np.float32)
    picture[:, :20] = 0.4
    assert not (decided(picture)[:, :15] > 0.5).any()


def test_specks_go():
    picture = disc(30, 36, 14, 0.98)
    picture[10, 100] = 0.99
    big = cv2.resize(picture, (512, 288), interpolation=cv2.INTER_NEAREST)
    big[40:44, 400:404] = 0.05
    big[40:42, 400:402] = 0.99
    assert not (decided(big)[:, 256:] > 0.5).any()


def test_where_nothing_is_strong_all_stays():
    weak = np.maximum(disc(30, 36, 14, 0.6), disc(95, 36, 10, 0.7))
    assert np.array_equal(decided(weak), weak)
    empty = np.full(SHAPE, 0.1, np.float32)
    assert np.array_equal(decided(empty), empty)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 2))
@example(1704, 0)
def test_every_region_that_is_left_is_strong(seed, count):
    rng = np.random.default_rng(seed)

    def noise(size: tuple[int, int]) -> np.ndarray:
        field = cv2.GaussianBlur(rng.random(size).astype(np.float32), (0, 0), 3)
        return np.clip((field - 0.5) * 6 + 0.5, 0, 1)

    p, beside = noise(SHAPE), [noise((36, 64)) for _ in range(count)]
    q = decided(p, beside)
    assert np.all((q == p) | (q == 1 - p))
    best = np.maximum.reduce(
        [p, *(cv2.resize(b, SHAPE[::-1], interpolation=cv2.INTER_NEAREST) for b in beside)]
    )
    if (best[p > 0.5] > STRONG).any():
        # Of what is there now: a weak region in a hole that was filled is part of the strong one around it.
        number, labels = cv2.connectedComponents((q > 0.5).view(np.uint8), connectivity=8)
        assert all(best[labels == k].max() > STRONG for k in range(1, number))
    else:
        assert np.array_equal(q, p)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(9, 200), (72, 128), (300, 400)]))
def test_looking_around_the_object_only_changes_nothing(seed, shape):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random(shape).astype(np.float32), (0, 0), float(rng.uniform(0.5, 5)))
    # Regions, holes and specks of all sizes, in a part of the frame that may reach its border.
    top, left = (int(rng.integers(0, side)) for side in shape)
    probability = np.zeros(shape, np.float32)
    noise = np.clip((noise - noise.mean()) / noise.std() * 0.3 + rng.uniform(0.3, 0.8), 0, 1)
    there = np.s_[top : top + shape[0] // 2, left : left + shape[1] // 2]
    probability[there] = noise[there]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "around", lambda plane, _: tuple(slice(0, side) for side in plane.shape))
        whole = decided(probability)
    assert np.array_equal(decided(probability), whole)


def test_the_background_around_a_small_object_is_no_speck():
    probability = np.zeros((1000, 1000), np.float32)
    probability[500:512, 500:512] = 1
    assert np.array_equal(decided(probability), probability)


def test_around_what_is_there():
    plane = np.zeros((30, 40), np.uint8)
    plane[10:15, 20:28] = 1
    assert regions.around(plane, 0) == (slice(10, 15), slice(20, 28))
    assert regions.around(plane, 3) == (slice(7, 18), slice(17, 31))
    plane[0, 0] = 1
    rows, columns = regions.around(plane, 50)
    assert (rows.start, columns.start) == (0, 0)
    assert plane[rows, columns].shape == plane.shape


def test_a_speck_is_below_a_ten_thousandth_of_the_frame():
    # Of 40,000 pixels: four.
    for pixels, stays in ((3, False), (4, True)):
        probability = np.zeros((200, 200), np.float32)
        probability[50:90, 50:90] = 0.9
        probability[150, 150 : 150 + pixels] = 0.9
        assert decided(probability)[150, 150] == pytest.approx(0.9 if stays else 0.1)
        hole = 1 - np.zeros((200, 200), np.float32)
        hole[0] = 0.9
        hole[150, 150 : 150 + pixels] = 0.1
        assert decided(hole)[150, 150] == pytest.approx(0.1 if stays else 0.9)


def test_sure_is_above_three_quarters():
    for level, stays in ((0.7501, True), (0.7499, False)):
        probability = np.zeros(SHAPE, np.float32)
        probability[10:30, 10:30] = 0.99
        probability[40:60, 60:90] = level
        assert decided(probability)[50, 70] == pytest.approx(level if stays else 1 - level, abs=1e-6)
        hole = 1 - probability
        hole[[0, -1]] = 0
        assert decided(hole)[50, 70] == pytest.approx(1 - level if stays else level, abs=1e-6)


def test_regions_touch_at_corners_and_holes_do_not():
    probability = np.zeros(SHAPE, np.float32)
    probability[10:30, 10:30] = 0.99
    probability[30:50, 30:50] = 0.6
    assert decided(probability)[40, 40] == np.float32(0.6), "a part of the sure one"
    enclosed = np.full(SHAPE, 0.99, np.float32)
    enclosed[10:30, 10:30] = 0.01
    enclosed[30:50, 30:50] = 0.4
    assert decided(enclosed)[40, 40] == pytest.approx(0.6), "a hole of its own"


def test_a_hole_may_not_reach_the_pictures_border():
    for edge in (np.s_[0, 40:60], np.s_[-1, 40:60], np.s_[20:40, 0], np.s_[20:40, -1]):
        probability = np.full(SHAPE, 0.99, np.float32)
        probability[edge] = 0.4
        assert (decided(probability)[edge] == np.float32(0.4)).all()


def test_what_is_decided_is_a_new_plane_where_something_changes():
    probability = np.zeros(SHAPE, np.float32)
    probability[10:30, 10:30] = 0.99
    assert decided(probability) is probability
    probability[40:60, 60:90] = 0.6
    before = probability.copy()
    assert decided(probability) is not probability
    assert np.array_equal(probability, before)
