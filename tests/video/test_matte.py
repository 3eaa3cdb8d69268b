"""The parts of the matte: boxes, windows, enlarged planes, means."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.video.write import matte
from dpa.video.write.matte import around, before_colour, before_picture, edge_colours, foreground


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 90), st.integers(1, 90), st.integers(0, 12), st.sampled_from([1, 4]))
def test_a_box_starts_and_ends_on_the_grid(
    data: st.DataObject, h: int, w: int, margin: int, step: int
) -> None:
    top, left = data.draw(st.integers(0, h - 1)), data.draw(st.integers(0, w - 1))
    bottom, right = data.draw(st.integers(top + 1, h)), data.draw(st.integers(left + 1, w))
    alpha = np.zeros((h, w), np.uint8)
    alpha[top, left] = alpha[bottom - 1, right - 1] = 1
    box = around(alpha, margin, step)
    assert box is not None
    for side, first, last, length in zip(box, (top, left), (bottom, right), (h, w), strict=True):
        least, most = max(first - margin, 0), min(last + margin, length)
        assert side.start % step == 0
        assert least - step < side.start <= least
        assert side.stop == length or side.stop % step == 0
        assert most <= side.stop < most + step
        assert side.stop <= length


def test_where_all_is_clear_there_is_no_box() -> None:
    assert around(np.zeros((5, 6), np.uint8), 3, 4) is None
    assert around(np.ones((5, 6), np.uint8)) == (slice(0, 5), slice(0, 6))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_a_window_is_enlarged_as_the_whole_plane_is(data: st.DataObject, h: int, w: int, seed: int) -> None:
    plane = np.random.default_rng(seed).random((h, w, 3)).astype(np.float32)
    whole = cv2.resize(plane, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    # Windows start at a whole coarse pixel and may end where the picture does.
    top, left = 4 * data.draw(st.integers(0, h - 1)), 4 * data.draw(st.integers(0, w - 1))
    window = (
        slice(top, data.draw(st.integers(top + 1, 4 * h))),
        slice(left, data.draw(st.integers(left + 1, 4 * w))),
    )
    assert np.abs(matte._enlarged(plane, window) - whole[window]).max() < 1e-6


@pytest.mark.parametrize("shape", [(100, 150), (33, 64), (32, 31), (1, 200)])
@pytest.mark.parametrize("seed", range(6))
def test_windows_are_the_cells_within_three_pixels_of_an_edge(shape: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = np.zeros(shape, np.uint8)
    for _ in range(2):
        top, left = (int(rng.integers(0, side)) for side in shape)
        alpha[top : top + rng.integers(1, 60), left : left + rng.integers(1, 60)] = 255
    padded = np.pad(alpha, 3, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
    edge = (near.max(axis=(2, 3)) > 0) & (near.min(axis=(2, 3)) < 255)
    expected = np.zeros(shape, int)
    for top in range(0, shape[0], 32):
        for left in range(0, shape[1], 32):
            cell = np.s_[top : top + 32, left : left + 32]
            expected[cell] = edge[cell].any()
    seen = np.zeros(shape, int)
    for top, bottom, left, right in matte._edge_windows(alpha):
        assert bottom <= shape[0]
        assert right <= shape[1]
        seen[top:bottom, left:right] += 1
    assert np.array_equal(seen, expected)


def test_neighbouring_cells_are_one_window() -> None:
    alpha = np.zeros((64, 200), np.uint8)
    alpha[10:12, 40:180] = 255
    assert list(matte._edge_windows(alpha)) == [(0, 32, 32, 192)]
    alpha[:, 90:] = 0
    alpha[40:44, 170:180] = 255
    assert list(matte._edge_windows(alpha)) == [(0, 32, 32, 96), (32, 64, 160, 192)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_depth_is_kept(dtype: type) -> None:
    top = np.iinfo(dtype).max
    image = np.full((40, 60, 3), top // 3, dtype)
    alpha = np.zeros((40, 60), np.uint8)
    alpha[10:30, 20:40] = 255
    alpha[10, 20:40] = 128
    assert foreground(image, alpha).dtype == dtype
    colour = (top, 0, top // 2)
    shown = before_colour(image, alpha, colour)
    assert shown.dtype == dtype
    assert (shown[0] == colour).all()
    half = (image[10, 30].astype(float) * 128 + np.array(colour, float) * 127) / 255
    assert np.abs(shown[10, 30] - half).max() <= top / 255


def test_before_a_picture_it_is_what_shines_through() -> None:
    rng = np.random.default_rng(0)
    behind = rng.integers(0, 255, (40, 60, 3), np.uint8)
    image, alpha = np.full((40, 60, 3), 200, np.uint8), np.zeros((40, 60), np.uint8)
    alpha[10:30, 20:40] = 255
    alpha[10:30, 20] = 100
    shown = before_picture(image, alpha, behind)
    assert np.array_equal(shown[alpha == 0], behind[alpha == 0])
    assert (shown[alpha == 255] == 200).all()
    expected = (200 * 100 + behind[10:30, 20].astype(float) * 155) / 255
    assert np.abs(shown[10:30, 20] - expected).max() <= 1.5
    assert np.array_equal(before_picture(image, alpha * 0, behind), behind)


@pytest.mark.parametrize("size", [(45, 63), (46, 61), (47, 62), (44, 64)])
def test_sides_that_are_no_multiple_of_four(size: tuple[int, int]) -> None:
    """The last row and column are repeated for the coarse pass: an even scene stays even."""
    image, alpha = np.full((*size, 3), 77, np.uint8), np.zeros(size, np.uint8)
    alpha[20:, 20:] = 255
    alpha[20, 20:] = alpha[20:, 20] = 90
    fore, back = matte._wide(image, alpha)
    assert fore.shape == back.shape == (-(-size[0] // 4), -(-size[1] // 4), 3)
    for window, colours in edge_colours(image, alpha):
        assert np.abs(colours[alpha[window] > 0].astype(int) - 77).max() <= 1


def test_blur_fusion_of_one_pixel_boxes_is_the_formula() -> None:
    rng = np.random.default_rng(2)
    image, fore, back = (rng.uniform(0, 255, (5, 7, 3)).astype(np.float32) for _ in range(3))
    alpha = rng.uniform(0.1, 0.9, (5, 7)).astype(np.float32)
    kept = [plane.copy() for plane in (image, fore, back, alpha)]
    found, mean_back = matte._blur_fusion(image, fore, back, alpha, 1)
    share = alpha[:, :, None]
    assert np.abs(mean_back - back).max() < 0.05
    assert np.abs(found - (fore + share * (image - share * fore - (1 - share) * back))).max() < 0.05
    assert all(np.array_equal(a, b) for a, b in zip(kept, (image, fore, back, alpha), strict=True))
