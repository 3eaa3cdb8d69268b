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
