"""Edges at the frame's resolution: they lie where colours change, and are soft by a few pixels only."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.engine import refine
from dpa.engine.refine import refined


def scene(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture with grain of a red star before green, and where the star is, (H, W) bool."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    angle, away = np.arctan2(y - height / 2, x - width / 2), np.hypot(y - height / 2, x - width / 2)
    mask = away < min(height, width) * (0.3 + 0.06 * np.sin(5 * angle))
    image = np.where(mask[:, :, None], (200, 60, 50), (60, 150, 70)) + rng.normal(0, 6, (height, width, 3))
    return np.clip(image, 0, 255).astype(np.uint8), mask


def coarse(mask: np.ndarray, blur: float = 1.5) -> np.ndarray:
    """What a network sees of a mask: (144, 256) float32, soft."""
    small = cv2.resize(mask.astype(np.float32), (256, 144), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), blur)


@pytest.mark.parametrize("size", [(480, 854), (360, 640), (1080, 1920), (501, 333)])
def test_the_edge_lies_where_the_colours_change(size):
    image, mask = scene(*size)
    probability = coarse(mask)
    plain = cv2.resize(probability, size[::-1]) > 0.5
    alpha = refined(probability, image)
    assert alpha.shape == size
    assert alpha.dtype == np.uint8
    assert np.count_nonzero((alpha > 127) != mask) < 0.5 * np.count_nonzero(plain != mask)


@pytest.mark.parametrize("shift", [-2, 2])
def test_an_edge_that_is_a_little_off_is_moved(shift):
    image, mask = scene(480, 854)
    probability = np.roll(coarse(mask), shift, axis=1)
    alpha = refined(probability, image)
    plain = cv2.resize(probability, (854, 480)) > 0.5
    assert np.count_nonzero((alpha > 127) != mask) < 0.4 * np.count_nonzero(plain != mask)


def test_inside_is_opaque_outside_clear_and_the_edge_soft_by_a_few_pixels():
    image, mask = scene(480, 854)
    alpha = refined(coarse(mask, 6), image)
    object_ = (alpha > 127).view(np.uint8)
    near = cv2.morphologyEx(object_, cv2.MORPH_GRADIENT, np.ones((11, 11), np.uint8)) > 0
    assert set(np.unique(alpha[~near])) == {0, 255}
    assert ((alpha > 12) & (alpha < 243))[near].any()


def test_without_an_edge_there_is_nothing_to_do():
    image, _ = scene(90, 160)
    assert not refined(np.full((18, 32), 0.2, np.float32), image).any()
    assert (refined(np.full((18, 32), 0.9, np.float32), image) == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (17, 23)])
def test_any_size(size):
    image, _ = scene(*size)
    probability = np.random.default_rng(1).random((9, 16)).astype(np.float32)
    before = image.copy()
    assert refined(probability, image).shape == size
    assert np.array_equal(image, before)


def test_an_even_picture_keeps_the_mask():
    image, (_, mask) = np.full((480, 854, 3), 90, np.uint8), scene(480, 854)
    probability = coarse(mask)
    plain = cv2.resize(probability, (854, 480)) > 0.5
    both = np.count_nonzero(plain & (refined(probability, image) > 127))
    assert both / np.count_nonzero(plain | (refined(probability, image) > 127)) > 0.95


@pytest.mark.parametrize("tint", [(1, 1, 1), (1, 0.2, 0.1)])
def test_colours_that_vary_together_are_fitted_as_in_double_precision(tint):
    """Grey scenes, say: the covariances are of rank one but for epsilon."""
    rng = np.random.default_rng(0)
    shade = (cv2.blur(rng.random((60, 80)), (3, 3)) > 0.5).astype(float)
    image = np.float32(shade[:, :, None] * tint)
    target = np.float32(cv2.GaussianBlur(shade, (0, 0), 2) > 0.5)
    found = refine._functions(image, target)

    def mean(plane):
        return cv2.blur(np.float64(plane), (refine._BOX, refine._BOX), borderType=cv2.BORDER_REPLICATE)

    c, m = image.astype(float), mean(image)
    squares = mean((c[..., None] * c[..., None, :]).reshape(60, 80, 9)).reshape(60, 80, 3, 3)
    matrix = squares - m[..., None] * m[..., None, :] + refine._EPSILON * np.eye(3)
    right = mean(c * target[..., None]) - m * mean(target)[..., None]
    a = np.linalg.solve(matrix, right[..., None])[..., 0]
    exact = mean(np.dstack([a, mean(target) - (a * m).sum(axis=-1)]))
    exact[..., 3] += refine._OWN * target
    exact /= 1 + refine._OWN
    answer, wanted = ((f[..., :3] * image).sum(axis=-1) + f[..., 3] for f in (found, exact))
    assert np.abs(answer - wanted).max() < 0.01


def test_a_plane_is_sampled_at_the_centres_of_the_grids_pixels():
    y, x = np.mgrid[:40, :60].astype(np.float32)
    # Ten of the plane's columns and eight of its rows for one of the grid's.
    found = [refine._sampled(plane, (6, 5), (1 / 6, 1 / 5)) for plane in (x, y)]
    assert np.allclose(found[0], 10 * np.arange(6) + 4.5, atol=0.02)
    assert np.allclose(found[1], 8 * np.arange(5)[:, None] + 3.5, atol=0.02)


def test_windows_cover_the_band_once():
    band = np.zeros((20, 45), np.uint8)
    band[3, 2:12], band[17, 18], band[9, 30:45] = 255, 255, 255
    seen = np.zeros(band.shape, int)
    for top, bottom, left, right in refine._windows(band):
        assert left % refine._CELL == top % refine._CELL == 0
        seen[top:bottom, left:right] += 1
    assert seen.max() == 1
    assert (seen[band > 0] == 1).all()
    assert seen.sum() == 8 * 16 + 4 * 8 + 8 * (45 - 24)


def test_the_soft_edge_is_as_wide_on_every_side():
    alpha = np.zeros((540, 540), np.uint8)
    alpha[200:340, 200:340] = 255
    alpha = cv2.GaussianBlur(alpha, (0, 0), 20)
    refine._soften(alpha, 2)
    assert ((alpha > 0) & (alpha < 255)).any()
    for turned in (alpha[::-1], alpha[:, ::-1], alpha.T):
        assert np.array_equal(alpha, turned)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(61, 97), (160, 90), (240, 427)]))
def test_looking_around_the_object_only_changes_nothing(seed, size):
    rng = np.random.default_rng(seed)
    probability = np.zeros((72, 128), np.float32)
    center = (int(rng.integers(0, 128)), int(rng.integers(0, 72)))
    cv2.ellipse(probability, center, (int(rng.integers(2, 30)), int(rng.integers(2, 20))), 30, 0, 360, 1, -1)
    probability = cv2.GaussianBlur(probability, (0, 0), 2)
    image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refine, "around", lambda plane, _: tuple(slice(0, side) for side in plane.shape))
        whole = refined(probability, image)
    assert np.array_equal(refined(probability, image), whole)


def plainly(probability, image):
    """The whole of it in NumPy, without windows: (H, W), before it is softened."""
    height, width = image.shape[:2]
    step = max(1, round(min(height, width) / 100))
    h, w = -(-height // step), -(-width // step)
    # The probability at the middles of the grid's pixels.
    x = (np.arange(w) + 0.5) * step / width * probability.shape[1] - 0.5
    y = (np.arange(h) + 0.5) * step / height * probability.shape[0] - 0.5
    places = np.meshgrid(np.float32(x), np.float32(y))
    target = cv2.remap(probability, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rows, columns = height // step, width // step
    whole = image[: rows * step, : columns * step].reshape(rows, step, columns, step, 3)
    small = np.pad(whole.mean(axis=(1, 3)), ((0, h - rows), (0, w - columns), (0, 0)), "edge") / 255

    def mean(plane):
        padded = np.pad(plane, ((3, 3), (3, 3)) + ((0, 0),) * (plane.ndim - 2), "edge")
        return np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(0, 1)).mean(axis=(-2, -1))

    c, m, t = small.astype(float), mean(small), mean(target.astype(float))
    cov = mean(c[..., None] * c[..., None, :]) - m[..., None] * m[..., None, :] + 1e-5 * np.eye(3)
    right = mean(c * target[..., None]) - m * t[..., None]
    a = np.linalg.solve(cov, right[..., None])[..., 0]
    functions = mean(np.dstack([a, t - (a * m).sum(axis=-1)]))
    functions[..., 3] += 0.25 * target
    functions = np.float32(functions / 1.25)
    large = cv2.resize(functions, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)[:height, :width]
    answer = (large[..., :3] * image).sum(axis=-1) + 255 * large[..., 3]
    steep = np.clip(3 * (answer - 127.5) + 127.5, 0, 255)
    inside = (target > 0.5).astype(np.uint8)
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    border = {"borderType": cv2.BORDER_REPLICATE}
    band = cv2.dilate(inside, reach, **border) - cv2.erode(inside, reach, **border)
    near, flat = (
        cv2.resize(plane * np.uint8(255), (w * step, h * step), interpolation=how)[:height, :width]
        for plane, how in ((band, cv2.INTER_LINEAR), (inside, cv2.INTER_NEAREST))
    )
    return np.where(near > 127, steep, flat)


@pytest.mark.parametrize("size", [(149, 260), (151, 170), (260, 205), (99, 140), (350, 260)])
@pytest.mark.parametrize("seed", [0, 1])
def test_alpha_is_that_of_the_plain_formula(size, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.integers(0, 256, (*size, 3), np.uint8), (0, 0), 2)
    image = np.clip((image.astype(int) - 128) * 4 + 128, 0, 255).astype(np.uint8)
    probability = np.zeros((60, 90), np.float32)
    center = (int(rng.integers(20, 70)), int(rng.integers(15, 45)))
    cv2.ellipse(probability, center, (22, 13), 30, 0, 360, 1, -1)
    probability[:12, 70:] = 1  # reaches the frame's corner
    probability = cv2.GaussianBlur(probability, (0, 0), 2)
    monkeypatch.setattr(refine, "_soften", lambda alpha, half: None)
    difference = np.abs(refined(probability, image) - plainly(probability, image))
    # Places are rounded to 1/32 of a pixel on the way to the grid.
    assert np.quantile(difference, 0.999) < 6
    assert difference.mean() < 0.2


@pytest.mark.parametrize(("side", "half"), [(100, 1), (400, 1), (406, 2), (540, 2), (1080, 4)])
def test_the_edge_is_as_soft_as_the_frame_is_large(side, half, monkeypatch):
    halves = []
    monkeypatch.setattr(refine, "_soften", lambda alpha, half: halves.append(half))
    probability = np.zeros((20, 30), np.float32)
    probability[5:12, 8:20] = 1
    refined(probability, np.zeros((side, side + 60, 3), np.uint8))
    assert halves == [half]


def test_softening_is_between_two_smooth_steps():
    alpha = np.zeros((60, 80), np.uint8)
    alpha[10:50, 20:60] = 200
    alpha[28:32, 38:42] = 90  # a hole
    alpha[5, 5] = 120  # is none of the object
    mask, reach = np.where(alpha > 127, 255, 0).astype(np.uint8), np.ones((5, 5), np.uint8)
    low, high = (
        cv2.blur(move(mask, reach, borderType=cv2.BORDER_REPLICATE), (5, 5))
        for move in (cv2.erode, cv2.dilate)
    )
    expected = np.minimum(np.maximum(alpha, low), high)
    refine._soften(alpha, 2)
    assert np.array_equal(alpha, expected)
    # Opaque from four pixels inside on, clear from four outside on.
    assert (alpha[14:46, 25] == 255).all()
    assert not alpha[:6].any()
    assert alpha[5, 5] == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(1, 30), st.integers(1, 40), st.integers(1, 4))
def test_a_window_has_what_the_whole_frame_has_there(seed, h, w, step):
    rng = np.random.default_rng(seed)
    functions = rng.uniform(-0.2, 0.4, (h, w, 4)).astype(np.float32)
    image = rng.integers(0, 256, (h * step, w * step, 3), dtype=np.uint8)
    whole = refine._applied(functions, (0, h, 0, w), step, image)
    top, left = 8 * int(rng.integers(0, -(-h // 8))), 8 * int(rng.integers(0, -(-w // 8)))
    bottom, right = min(top + 8, h), min(left + 8 * int(rng.integers(1, 4)), w)
    there = np.s_[top * step : bottom * step, left * step : right * step]
    part = refine._applied(functions, (top, bottom, left, right), step, image[there])
    assert np.abs(part.astype(int) - whole[there]).max() <= 1


def test_the_frame_on_the_grid_is_filled_up():
    image = np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3)
    small = refine._on_grid(image, (5, 4), 2)
    assert small.shape == (4, 5, 3)
    assert small.dtype == np.float32
    means = image[:6, :8].reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(small[:3, :4] * 255 - means).max() <= 0.51
    assert np.array_equal(small[3], small[2])
    assert np.array_equal(small[:, 4], small[:, 3])
    assert np.allclose(refine._on_grid(image, (9, 7), 1) * 255, image, atol=1e-3)
