"""The region under a click."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.engine.pick import _nearest, _of_one_colour, _place, to_add, to_remove, with_rim
from dpa.errors import InputError

SHAPE = (90, 120)
"""Its diagonal is 150 pixels: a click takes what is at most 3 pixels away."""


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    region = np.zeros(SHAPE, bool)
    region[top:bottom, left:right] = True
    return region


def at(row: float, column: float) -> tuple[float, float]:
    """The click on the middle of a pixel: x, y."""
    return (column + 0.5) / SHAPE[1], (row + 0.5) / SHAPE[0]


def test_places_are_pixels() -> None:
    assert _place((10, 20), 0, 0) == (0, 0)
    assert _place((10, 20), 1, 1) == (9, 19)
    assert _place((10, 20), 0.099, 0.1) == (1, 1)
    for x, y in ((-0.01, 0), (0, -0.01), (1.01, 0), (0, 1.01)):
        with pytest.raises(InputError, match=f"from 0 to 1, not as {x}, {y}"):
            _place((10, 20), x, y)


def test_a_rim_is_so_wide_on_all_sides() -> None:
    assert np.array_equal(with_rim(box(20, 30, 40, 50)), box(19, 31, 39, 51))
    assert np.array_equal(with_rim(box(20, 30, 40, 50), 3), box(17, 33, 37, 53))
    assert not with_rim(box(0, 0, 0, 0)).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999))
def test_a_removed_component_takes_nothing_of_another_with_it(seed: int) -> None:
    mask = np.random.default_rng(seed).random((12, 16)) > 0.75
    row, column = np.argwhere(mask)[0]
    region = to_remove(mask, (column + 0.5) / 16, (row + 0.5) / 12)
    left = mask & ~region
    assert region[row, column]
    assert not (with_rim(region & mask) & left).any()


def test_the_component_under_the_click_or_the_nearest() -> None:
    mask = box(20, 40, 10, 30) | box(20, 40, 50, 70)
    assert np.array_equal(to_remove(mask, *at(30, 20)), box(19, 41, 9, 31))
    assert np.array_equal(to_remove(mask, *at(30, 69)), box(19, 41, 49, 71))
    assert np.array_equal(to_remove(mask, *at(30, 47)), box(19, 41, 49, 71)), "three pixels beside it"
    assert np.array_equal(to_remove(mask, *at(30, 32)), box(19, 41, 9, 31))
    for row, column in ((30, 46), (43, 20), (16, 20)):
        with pytest.raises(InputError, match="there is nothing of the object there"):
            to_remove(mask, *at(row, column))
    with pytest.raises(InputError, match="there is nothing of the object there"):
        to_remove(box(0, 0, 0, 0), *at(3, 3))


def test_components_touch_at_their_corners_too() -> None:
    mask = box(20, 30, 20, 30) | box(30, 40, 30, 40)
    assert to_remove(mask, *at(21, 21))[35, 35]


def test_the_nearest_label() -> None:
    labels = np.zeros(SHAPE, int)
    assert _nearest(labels, 5, 5) == 0
    labels[10, 10], labels[14, 14] = 1, 2
    assert (_nearest(labels, 11, 11), _nearest(labels, 13, 13)) == (1, 2)
    assert _nearest(labels, 10, 14 + 3) == 0
    assert _nearest(labels, 14, 14 + 3) == 2


GREY = np.full((*SHAPE, 3), 100, np.uint8)
NOTHING = box(0, 0, 0, 0)


def seen(region: np.ndarray, level: float, ground: float = 0.0) -> np.ndarray:
    return np.where(region, level, ground).astype(np.float32)


def test_what_the_network_half_sees_is_what_has_half_the_clicks_probability() -> None:
    thing, shade = box(20, 40, 30, 60), box(20, 40, 60, 70)
    for level, taken in ((0.21, True), (0.2, True), (0.19, False)):
        probability = seen(thing, 0.4) + seen(shade, level)
        expected = thing | shade if taken else thing
        assert np.array_equal(to_add(probability, NOTHING, GREY, *at(30, 40)), expected)
    with pytest.raises(InputError, match="nothing there stands apart"):
        to_add(seen(thing, 0.09), NOTHING, GREY, *at(30, 40))
    assert np.array_equal(to_add(seen(thing, 0.1), NOTHING, GREY, *at(30, 40)), thing)


def test_only_what_hangs_together_with_the_click() -> None:
    both = box(20, 40, 30, 50) | box(20, 40, 70, 90)
    assert np.array_equal(to_add(seen(both, 0.4), NOTHING, GREY, *at(30, 40)), box(20, 40, 30, 50))
    mask = box(20, 40, 38, 42)
    thing = box(20, 40, 30, 50)
    assert np.array_equal(to_add(seen(thing, 0.4), mask, GREY, *at(30, 45)), box(20, 40, 42, 50))
    with pytest.raises(InputError, match="that is the object already"):
        to_add(seen(thing, 0.4), mask, GREY, *at(30, 40))


@pytest.mark.parametrize(
    ("region", "fits"),
    [
        # Of 10,800 pixels: 2.16 at least, 2,700 at most.
        (box(20, 21, 30, 32), False),
        (box(20, 21, 30, 33), True),
        (box(0, 27, 0, 100), True),
        (box(0, 27, 0, 101), False),
    ],
)
def test_regions_have_a_size(region: np.ndarray, fits: bool) -> None:
    row, column = np.argwhere(region)[0]
    if fits:
        assert np.array_equal(to_add(seen(region, 0.4), NOTHING, GREY, *at(row, column)), region)
    else:
        with pytest.raises(InputError, match="nothing there stands apart"):
            to_add(seen(region, 0.4), NOTHING, GREY, *at(row, column))


def test_where_the_network_sees_nothing_one_colour_is_taken() -> None:
    image = GREY.copy()
    thing = box(20, 40, 30, 60)
    image[thing] = (30, 30, 180)
    zero = np.zeros(SHAPE, np.float32)
    found = to_add(zero, NOTHING, image, *at(30, 40))
    assert np.count_nonzero(found ^ thing) <= 0.05 * thing.sum()
    # Too large for the network's sight, which is tried first.
    wide = np.full(SHAPE, 0.4, np.float32)
    assert np.array_equal(to_add(wide, NOTHING, image, *at(30, 40)), found)
    half = box(20, 40, 30, 45)
    rest = to_add(zero, half, image, *at(30, 50))
    assert not (rest & half).any()
    assert rest[30, 50]


@pytest.mark.parametrize(("step", "joined"), [(12, True), (17, False)])
@pytest.mark.parametrize("channel", [1, 2])
def test_a_colour_spans_fourteen_steps_and_twice_as_many_of_lightness(
    step: int, joined: bool, channel: int
) -> None:
    import cv2

    def painted(which: int, by: int) -> np.ndarray:
        lab = np.full((*SHAPE, 3), (140, 128, 128), np.uint8)
        lab[:, 60:, which] += np.uint8(by)
        return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)

    assert _of_one_colour(painted(channel, step), NOTHING, 30, 20)[30, 100] == joined
    assert _of_one_colour(painted(0, 2 * step), NOTHING, 30, 20)[30, 100] == joined


def test_small_gaps_of_a_colour_are_closed() -> None:
    image = np.full((*SHAPE, 3), 200, np.uint8)
    image[:, 40:] = 30
    image[30:33, 10:13] = 30
    image[60:70, 10:20] = 30
    found = _of_one_colour(image, NOTHING, 5, 5)
    assert found[31, 11]
    assert not found[65, 15]
    assert not found[:, 45:].any()
