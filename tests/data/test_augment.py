"""Augmentation: picture, mask and flow stay on each other; the paper's ranges are the defaults."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.data.augment import AugmentSettings, View, augment

# Colours are left alone, so that the mask can be read from the picture again.
PLACE = AugmentSettings(
    border=12, crop=0.4, rotate=0.5, brightness=(1, 1), contrast=(1, 1), colour=(1, 1), sharpness=(1, 1)
)


def view(h: int, w: int, flow: bool = True) -> View:
    """An ellipse off the centre, drawn alike in picture, mask and flow."""
    mask = np.zeros((h, w), np.uint8)
    cv2.ellipse(mask, (w * 2 // 5, h // 2), (w // 5, h // 4), 20, 0, 360, 255, -1)
    drawn = np.repeat(mask[..., None], 3, axis=2)
    return View(drawn, mask, drawn.copy() if flow else None)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(60, 160),
    st.integers(60, 160),
    st.sampled_from([(64, 64), (96, 160), (200, 130)]),
    st.integers(0, 10_000),
)
def test_picture_mask_and_flow_stay_aligned(h: int, w: int, size: tuple[int, int], seed: int) -> None:
    result = augment(view(h, w), size, np.random.default_rng(seed), PLACE)
    assert result.flow is not None
    assert result.image.shape == result.flow.shape == (*size, 3)
    assert result.mask.shape == size
    assert set(np.unique(result.mask)) <= {0, 255}
    truth = result.mask > 0
    for picture in (result.image, result.flow):
        assert picture.dtype == np.uint8
        found = picture[..., 0] > 127
        assert np.count_nonzero(found != truth) <= 0.01 * truth.size


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_colours_change_the_picture_alone(seed: int) -> None:
    source = view(100, 120)
    colours = AugmentSettings(flip=0, border=0, rotate=0, grey=0.5)
    result = augment(source, (100, 120), np.random.default_rng(seed), colours)
    assert np.array_equal(result.mask, source.mask)
    assert np.array_equal(result.flow, source.flow)  # type: ignore[arg-type]


def test_the_seed_decides_everything_and_the_source_is_left_alone() -> None:
    source = view(100, 120)
    kept = source.image.copy()
    results = [augment(source, (64, 96), np.random.default_rng(s), AugmentSettings()) for s in (1, 1, 2)]
    assert np.array_equal(results[0].image, results[1].image)
    assert not np.array_equal(results[0].image, results[2].image)
    assert np.array_equal(source.image, kept)


def test_the_paper_s_ranges_are_the_defaults() -> None:
    s = AugmentSettings()
    assert (s.flip, s.border, s.rotate, s.angle) == (0.5, 30, 0.2, 15.0)
    assert (s.brightness, s.contrast) == ((0.5, 1.5), (0.5, 1.5))
    assert (s.colour, s.sharpness) == ((0.0, 2.0), (0.0, 3.0))
    assert (s.crop, s.grey) == (0.0, 0.0)  # ours


def test_flips_half_and_turns_one_in_five() -> None:
    source = view(100, 100, flow=False)
    only = replace(PLACE, border=0, crop=0.0)
    for settings_, share in ((replace(only, rotate=0.0), 0.5), (replace(only, flip=0.0, rotate=0.2), 0.2)):
        rng = np.random.default_rng(0)
        masks = [augment(source, (100, 100), rng, settings_).mask for _ in range(300)]
        changed = [not np.array_equal(mask, source.mask) for mask in masks]
        assert np.mean(changed) == pytest.approx(share, abs=0.08)


def test_a_crop_keeps_most_of_the_object() -> None:
    source = view(100, 100)
    for i in range(100):
        result = augment(source, (100, 100), np.random.default_rng(i), replace(PLACE, rotate=0.0, crop=0.9))
        assert result.mask.any()


def test_a_picture_of_a_few_pixels() -> None:
    for h, w in ((1, 1), (2, 5), (5, 2)):
        source = View(np.full((h, w, 3), 200, np.uint8), np.full((h, w), 255, np.uint8))
        result = augment(source, (64, 64), np.random.default_rng(0), AugmentSettings())
        assert result.image.shape == (64, 64, 3)
        assert result.flow is None


def test_grey_pictures() -> None:
    coloured = View(np.full((64, 64, 3), (200, 30, 90), np.uint8), np.zeros((64, 64), np.uint8))
    grey = augment(coloured, (64, 64), np.random.default_rng(0), AugmentSettings(grey=1.0)).image
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_blur_smears_the_picture_along_one_direction_and_nothing_else() -> None:
    source = view(100, 120)
    plain = AugmentSettings(**vars(PLACE) | {"crop": 0.0, "border": 0, "rotate": 0.0, "flip": 0.0})
    soft = 0
    for seed in range(20):
        result = augment(source, (100, 120), np.random.default_rng(seed), replace(plain, blur=1.0))
        assert np.array_equal(result.mask, source.mask)
        assert np.array_equal(result.flow, source.flow)  # type: ignore[arg-type]
        assert result.image.mean() == pytest.approx(source.image.mean(), rel=0.1)
        soft += np.count_nonzero((result.image > 20) & (result.image < 235)) > 300
        away = cv2.dilate(source.mask, np.ones((15, 15))) == 0
        assert not result.image[away].any()
    assert soft == 20


def test_hues_change_the_direction_of_all_motion_alike() -> None:
    source = view(100, 120)
    assert source.flow is not None
    flow = source.flow.copy()
    flow[...] = (10, 90, 200)
    plain = AugmentSettings(**vars(PLACE) | {"crop": 0.0, "border": 0, "rotate": 0.0, "hues": 1.0})
    seen = set()
    for seed in range(30):
        result = augment(
            View(source.image, source.mask, flow), (100, 120), np.random.default_rng(seed), plain
        )
        assert result.flow is not None
        colours = {tuple(int(v) for v in c) for c in np.unique(result.flow.reshape(-1, 3), axis=0)}
        assert len(colours) == 1
        seen |= colours
    assert len(seen) == 6
    assert all(sorted(c) == [10, 90, 200] for c in seen)
