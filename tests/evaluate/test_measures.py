"""J and F against hand-made cases and a slow, plain implementation of the definition."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dpa.evaluate.measures import boundary, boundary_accuracy, region_similarity, tolerance

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def square(top: int, left: int, side: int, size: int = 40) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def slow_boundary(mask: np.ndarray) -> list[tuple[int, int]]:
    """The public convention in words: a pixel is compared with its right, lower and lower right neighbour, in
    the last row with the right one only, in the last column with the lower one only, the last with none."""
    h, w = mask.shape
    edge = []
    for y in range(h):
        for x in range(w):
            neighbours = []
            if x + 1 < w:
                neighbours.append((y, x + 1))
            if y + 1 < h:
                neighbours.append((y + 1, x))
            if x + 1 < w and y + 1 < h:
                neighbours.append((y + 1, x + 1))
            if any(mask[y, x] != mask[p] for p in neighbours):
                edge.append((y, x))
    return edge


def slow_f(prediction: np.ndarray, ground_truth: np.ndarray) -> float:
    """The definition, pixel by pixel."""
    return slow_f_of(prediction.shape, slow_boundary(prediction), slow_boundary(ground_truth))


def slow_f_of(shape: tuple[int, ...], ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> float:
    """The same of the boundaries."""
    reach = math.ceil(0.008 * math.hypot(*shape))
    if not ours or not theirs:
        return float(len(ours) == len(theirs))

    def near(a: list, b: list) -> float:
        return sum(any((y - v) ** 2 + (x - u) ** 2 <= reach**2 for v, u in b) for y, x in a) / len(a)

    precision, recall = near(ours, theirs), near(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def dilated_f(prediction: np.ndarray, ground_truth: np.ndarray) -> float:
    """The formula as public tools compute it: both boundaries dilated by a disk, over the whole frame."""
    reach = math.ceil(0.008 * np.linalg.norm(prediction.shape))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= reach**2).astype(np.uint8)
    ours, theirs = boundary(prediction), boundary(ground_truth)
    precision = (ours * cv2.dilate(theirs, disk)).sum() / ours.sum()
    recall = (theirs * cv2.dilate(ours, disk)).sum() / theirs.sum()
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


@given(masks)
def test_boundary_at_the_last_row_and_column(mask: np.ndarray) -> None:
    assert [tuple(p) for p in np.argwhere(boundary(mask)).tolist()] == slow_boundary(mask)


def test_boundary_accuracy_of_empty_and_full_masks() -> None:
    empty, some, full = np.zeros((40, 40), bool), square(10, 10, 10), np.ones((40, 40), bool)
    assert boundary_accuracy(empty, empty) == 1
    assert boundary_accuracy(empty, some) == 0
    assert boundary_accuracy(some, empty) == 0
    assert boundary_accuracy(some, full) == 0
    # Neither has a boundary: that is the definition, whatever it is worth. J is 0 there.
    assert boundary_accuracy(empty, full) == 1


def test_boundary_accuracy_by_hand() -> None:
    # 40 x 40: the tolerance is ceil(0.45) = 1 pixel. A square of side 2 has 8 boundary pixels: the rows and
    # columns -1, 0, 1 around its first pixel without that pixel itself.
    a, b = square(10, 10, 2), square(10, 13, 2)
    assert boundary_accuracy(a, a) == 1
    # Columns 9, 10, 11 and 12, 13, 14 touch in 11 and 12: three pixels on either side have a neighbour.
    assert boundary_accuracy(a, b) == pytest.approx(3 / 8, abs=1e-15)
    assert boundary_accuracy(a, square(10, 14, 2)) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 2), (33, 21), (45, 80), (101, 67)])
def test_one_pixel_and_objects_at_the_border(shape: tuple[int, int]) -> None:
    h, w = shape
    dots = []
    for y, x in {(0, 0), (0, w - 1), (h - 1, 0), (h - 1, w - 1), (h // 2, w // 2)}:
        dot = np.zeros(shape, bool)
        dot[y, x] = True
        band = np.zeros(shape, bool)
        band[: y + 1, x:] = True
        dots += [dot, band]
    edges = [slow_boundary(dot) for dot in dots]
    for a, ours in zip(dots, edges, strict=True):
        for b, theirs in zip(dots, edges, strict=True):
            assert boundary_accuracy(a, b) == pytest.approx(slow_f_of(shape, ours, theirs), abs=1e-12)


@pytest.mark.parametrize(
    ("shape", "pixels"),
    [((1, 1), 1), ((75, 100), 1), ((76, 100), 2), ((480, 854), 8), ((1080, 1920), 18), ((2160, 3840), 36)],
)
def test_the_tolerance_is_exact_at_every_size(shape: tuple[int, int], pixels: int) -> None:
    assert tolerance(*shape) == pixels
    if min(shape) < 4 * pixels:
        return
    w = shape[1]
    # Half planes: the straight boundaries are as far apart as the masks' edges.
    a, b, c = (np.zeros(shape, bool) for _ in range(3))
    a[:, : w // 3] = b[:, : w // 3 + pixels] = c[:, : w // 3 + pixels + 1] = True
    assert boundary_accuracy(a, b) == 1
    assert boundary_accuracy(a, c) == 0
    assert boundary_accuracy(a.T.copy(), c.T.copy()) == 0


@pytest.mark.parametrize(
    ("dx", "dy", "f"), [(6, 5, 0.25), (5, 6, 0.25), (8, 0, 0.25), (0, 8, 0.25), (7, 4, 0), (4, 7, 0)]
)
def test_the_tolerance_is_a_disk(dx: int, dy: int, f: float) -> None:
    # 480 x 854: 8 pixels; 36 + 25 is within 64, 49 + 16 is not. One pixel has a boundary of 2 x 2 pixels:
    # the nearest of two such blocks are (dx, dy) apart, one of the four each, and the others are too far.
    a, b = np.zeros((480, 854), bool), np.zeros((480, 854), bool)
    a[200, 300] = b[200 + dy + 1, 300 + dx + 1] = True
    assert boundary_accuracy(a, b) == f


@pytest.mark.parametrize("shape", [(480, 854), (481, 853), (97, 131), (1080, 1920), (3, 500), (500, 3)])
def test_equals_dilation_over_the_whole_frame(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    for _ in range(4 if max(shape) < 1000 else 1):
        blobs = [
            cv2.GaussianBlur(rng.random(shape).astype(np.float32), (0, 0), shape[0] / 24 + 1) for _ in "ab"
        ]
        prediction, ground_truth = (blob > np.quantile(blob, rng.uniform(0.3, 0.99)) for blob in blobs)
        assert boundary_accuracy(prediction, ground_truth) == pytest.approx(
            dilated_f(prediction, ground_truth), abs=1e-12
        )


def test_the_disk_is_that_of_scikit_image() -> None:
    morphology = pytest.importorskip("skimage.morphology")
    for reach in (1, 2, 8, 18, 36):
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        assert np.array_equal(morphology.disk(reach), x * x + y * y <= reach * reach)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_equals_the_definition(data: st.DataObject) -> None:
    prediction = data.draw(masks)
    ground_truth = data.draw(arrays(bool, prediction.shape))
    assert boundary_accuracy(prediction, ground_truth) == pytest.approx(
        slow_f(prediction, ground_truth), abs=1e-12
    )


@given(st.data())
def test_laws(data: st.DataObject) -> None:
    a = data.draw(masks)
    b = data.draw(arrays(bool, a.shape))
    assert region_similarity(a, b) == region_similarity(b, a)
    assert boundary_accuracy(a, b) == pytest.approx(boundary_accuracy(b, a))
    assert 0 <= boundary_accuracy(a, b) <= 1
    assert region_similarity(a, a) == boundary_accuracy(a, a) == 1


@settings(deadline=None)
@given(masks, st.integers(1, 40), st.integers(1, 40))
@example(np.ones((1, 1), bool), 1, 1)
def test_where_in_the_frame_the_objects_are_does_not_matter(mask: np.ndarray, top: int, left: int) -> None:
    # Only the part of the frame that holds objects is looked at: it must not matter which part that is.
    frame = np.zeros((120, 140), bool)
    other = frame.copy()
    h, w = mask.shape
    frame[5 : 5 + h, 5 : 5 + w] = mask
    other[5 : 5 + h, 5 : 5 + w] = mask[::-1]
    moved = [np.roll(each, (top, left), (0, 1)) for each in (frame, other)]
    assert boundary_accuracy(*moved) == boundary_accuracy(frame, other)
