"""Augmentation: picture, mask and flow stay on each other; the paper's ranges are the defaults."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.train.data.augment import AugmentSettings, View, augment

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


@pytest.mark.parametrize("leave", [0.0, 1.0])
def test_the_seed_decides_everything_and_the_source_is_left_alone(leave: float) -> None:
    source = view(100, 120)
    kept = source.image.copy(), source.mask.copy()
    given_ = AugmentSettings(leave=leave)
    results = [augment(source, (64, 96), np.random.default_rng(s), given_) for s in (1, 1, 2)]
    assert np.array_equal(results[0].image, results[1].image)
    assert np.array_equal(results[0].mask, results[1].mask)
    assert not np.array_equal(results[0].image, results[2].image)
    assert np.array_equal(source.image, kept[0])
    assert np.array_equal(source.mask, kept[1])


def test_the_paper_s_ranges_are_the_defaults() -> None:
    s = AugmentSettings()
    assert (s.flip, s.border, s.rotate, s.angle) == (0.5, 30, 0.2, 15.0)
    assert (s.brightness, s.contrast) == ((0.5, 1.5), (0.5, 1.5))
    assert (s.colour, s.sharpness) == ((0.0, 2.0), (0.0, 3.0))
    assert (s.crop, s.leave, s.grey, s.blur, s.hues) == (0.0,) * 5  # ours


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


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 10_000),
)
def test_a_picture_of_a_few_pixels(h: int, w: int, share: float, leave: float, seed: int) -> None:
    mask = np.where(np.random.default_rng(seed).random((h, w)) < share, np.uint8(255), np.uint8(0))
    source = View(np.full((h, w, 3), 200, np.uint8), mask)
    result = augment(source, (64, 64), np.random.default_rng(seed), AugmentSettings(leave=leave))
    assert result.image.shape == (64, 64, 3)
    assert result.mask.shape == (64, 64)
    assert result.flow is None


# Nothing but the crop through the object, so that what remains can be found in the source again.
LEAVES = replace(PLACE, border=0, crop=0.0, rotate=0.0, leave=1.0)


def charted(h: int, w: int, centre: tuple[float, float], radius: tuple[float, float]) -> View:
    """An ellipse; each pixel of picture and flow has its own place (x, y) for a colour."""
    y, x = np.mgrid[:h, :w]
    place = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)
    inside = ((x / w - centre[0]) / radius[0]) ** 2 + ((y / h - centre[1]) / radius[1]) ** 2 < 1
    return View(place, np.where(inside, np.uint8(255), np.uint8(0)), place.copy())


def _kept(source: View, result: View) -> float:
    """The share that stays of the charted object's box, along the side on which the least stays."""
    shares = []
    for i in (0, 1):
        place, before = (view.image[..., i][view.mask > 0].astype(int) for view in (result, source))
        shares.append(np.ptp(place) / np.ptp(before))
    return float(min(shares))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(60, 160),
    st.integers(60, 160),
    st.tuples(st.floats(0.35, 0.65), st.floats(0.35, 0.65)),
    st.tuples(st.floats(0.1, 0.25), st.floats(0.1, 0.25)),
    st.integers(0, 10_000),
)
def test_an_object_that_leaves_is_cut_by_the_picture_s_border(
    h: int, w: int, centre: tuple[float, float], radius: tuple[float, float], seed: int
) -> None:
    source = charted(h, w, centre, radius)
    result = augment(source, (120, 150), np.random.default_rng(seed), LEAVES)
    there = result.mask > 0
    assert there.any()
    assert there[0].any() or there[-1].any() or there[:, 0].any() or there[:, -1].any()
    assert _kept(source, result) < 0.68, "60 % of a box, and what a small one's rounding adds"
    # Picture, mask and flow are of one place: they differ only along the object's border.
    assert np.array_equal(result.image, result.flow)  # type: ignore[arg-type]
    x, y = (result.image[..., i].astype(int) for i in (0, 1))
    core, reach = (f(source.mask, np.ones((5, 5), np.uint8)) for f in (cv2.erode, cv2.dilate))
    assert there[core[y, x] > 0].all()
    assert not there[reach[y, x] == 0].any()


def test_an_object_leaves_as_often_and_as_far_as_is_asked() -> None:
    source = charted(100, 140, (0.5, 0.5), (0.15, 0.2))
    for share in (0.0, 0.3, 1.0):
        rng, given_ = np.random.default_rng(0), replace(LEAVES, leave=share)
        kept = np.array([_kept(source, augment(source, (100, 140), rng, given_)) for _ in range(200)])
        left = kept[kept < 0.95]
        assert len(left) / 200 == pytest.approx(share, abs=0.08)
        if share:
            assert left.min() < 0.2
            assert 0.5 < left.max() < 0.66


def test_most_of_a_picture_is_not_given_up_for_an_object_that_fills_it() -> None:
    source = charted(100, 140, (0.5, 0.5), (2.0, 2.0))
    shares = []
    for seed in range(40):
        image = augment(source, (100, 140), np.random.default_rng(seed), LEAVES).image
        shares.append(
            [(int(image[..., i].max()) - int(image[..., i].min()) + 1) / n for i, n in ((0, 140), (1, 100))]
        )
    assert np.min(shares) > 0.28
    assert [1.0, 1.0] in shares, "the picture as it is, where too little of it would stay"
    assert np.min(shares) < 0.6


def test_no_object_cannot_leave() -> None:
    source = charted(60, 80, (0.5, 0.5), (0.2, 0.2))
    empty = View(source.image, np.zeros_like(source.mask))
    result = augment(empty, (60, 80), np.random.default_rng(0), replace(LEAVES, flip=0.0))
    assert np.array_equal(result.image, empty.image)
    assert not result.mask.any()


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
