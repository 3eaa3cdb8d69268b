"""J and F against hand-made cases and a slow, plain implementation of the definition."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dpa.evaluate.measures import boundary, boundary_accuracy, region_similarity

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def square(top: int, left: int, side: int, size: int = 40) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def slow_f(found: np.ndarray, truth: np.ndarray) -> float:
    """The definition, pixel by pixel."""
    reach = math.ceil(0.008 * math.hypot(*found.shape))
    points = []
    for mask in (found, truth):
        h, w = mask.shape
        edge = []
        for y in range(h):
            for x in range(w):
                around = [(min(y + a, h - 1), min(x + b, w - 1)) for a, b in ((0, 1), (1, 0), (1, 1))]
                if any(mask[y, x] != mask[p] for p in around):
                    edge.append((y, x))
        points.append(edge)
    ours, theirs = points
    if not ours or not theirs:
        return float(len(ours) == len(theirs))

    def near(a: list, b: list) -> float:
        return sum(any((y - v) ** 2 + (x - u) ** 2 <= reach**2 for v, u in b) for y, x in a) / len(a)

    precision, recall = near(ours, theirs), near(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_region_similarity_by_hand() -> None:
    assert region_similarity(square(0, 0, 10), square(0, 5, 10)) == pytest.approx(50 / 150)
    empty = np.zeros((40, 40), bool)
    assert region_similarity(empty, empty) == 1
    assert region_similarity(empty, square(0, 0, 1)) == 0


def test_boundary_by_hand() -> None:
    edge = boundary(square(1, 1, 2, size=4))
    assert edge.tolist() == [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert not boundary(np.ones((5, 7), bool)).any()


def test_boundary_accuracy_of_empty_masks() -> None:
    empty, full = np.zeros((40, 40), bool), square(10, 10, 10)
    assert boundary_accuracy(empty, empty) == 1
    assert boundary_accuracy(empty, full) == 0
    assert boundary_accuracy(full, empty) == 0


def test_the_tolerance_is_exact() -> None:
    # 480 x 854: the tolerance is ceil(7.84) = 8 pixels.
    a, b, c = (np.zeros((480, 854), bool) for _ in range(3))
    a[100:300, 200:400] = b[100:300, 208:408] = c[100:300, 209:409] = True
    assert boundary_accuracy(a, b) == 1
    assert boundary_accuracy(a, c) < 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_the_definition(data: st.DataObject) -> None:
    found = data.draw(masks)
    truth = data.draw(arrays(bool, found.shape))
    assert boundary_accuracy(found, truth) == pytest.approx(slow_f(found, truth), abs=1e-12)


@given(st.data())
def test_laws(data: st.DataObject) -> None:
    a = data.draw(masks)
    b = data.draw(arrays(bool, a.shape))
    assert region_similarity(a, b) == region_similarity(b, a)
    assert boundary_accuracy(a, b) == pytest.approx(boundary_accuracy(b, a))
    assert region_similarity(a, a) == boundary_accuracy(a, a) == 1
