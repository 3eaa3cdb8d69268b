"""Synthetic flow: deterministic, object and background apart, and where the mask is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.flow.colour import flow_to_image
from dpa.train.data.augment import View
from dpa.train.data.synthetic_flow import (
    SyntheticFlowSettings,
    lose_motion,
    synthetic_flow,
    synthetic_flow_picture,
    synthetic_layers,
)

MOVING = SyntheticFlowSettings(still_camera=0.0, still_object=0.0, stirred=0.0)
# Nothing moves but what stirs.
STIRRED = SyntheticFlowSettings(still_camera=1.0, still_object=1.0, stirred=1.0, noise=0.0)


def disc(x: int, y: int, radius: int = 30, size: tuple[int, int] = (144, 192)) -> np.ndarray:
    mask = np.zeros(size, np.float32)
    cv2.circle(mask, (x, y), radius, 1.0, -1)
    return mask


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("make", [synthetic_flow, synthetic_flow_picture])
@pytest.mark.parametrize("stirred", [0.0, 1.0])
def test_the_seed_decides_everything(make, stirred: float) -> None:
    mask = disc(90, 70)
    kept = mask.copy()
    given_ = SyntheticFlowSettings(stirred=stirred)
    first, again, other = (make(mask, rng(seed), given_) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(mask, kept)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(0, 1000),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.2, 1.0]),
)
def test_any_size_and_any_mask(h: int, w: int, seed: int, share: float, stirred: float) -> None:
    mask = (rng(seed).random((h, w)) < share).astype(np.float32)
    field = synthetic_flow(mask, rng(seed), SyntheticFlowSettings(stirred=stirred))
    assert field.shape == (h, w, 2)
    assert field.dtype == np.float32
    assert np.isfinite(field).all()
    picture = synthetic_flow_picture(mask, rng(seed))
    assert picture.shape == (h, w, 3)
    assert picture.dtype == np.uint8


def _between(field: np.ndarray, mask: np.ndarray) -> float:
    """How far the object's mean motion lies from the background's, in spreads of the background's."""
    inside = cv2.erode(mask, np.ones((9, 9))) > 0
    outside = cv2.dilate(mask, np.ones((9, 9))) == 0
    apart = np.linalg.norm(field[inside].mean(0) - field[outside].mean(0))
    return float(apart / (field[outside].std(0).mean() + 1e-6))


@pytest.mark.slow
def test_object_and_background_move_apart() -> None:
    mask = disc(90, 70)
    apart = [_between(synthetic_flow(mask, rng(i), MOVING), mask) for i in range(60)]
    at_rest = replace(MOVING, still_object=1.0)
    together = [_between(synthetic_flow(mask, rng(i), at_rest), mask) for i in range(60)]
    assert np.median(apart) > 3 * np.median(together)


def test_the_object_is_carried_along_by_the_camera() -> None:
    mask = disc(90, 70)
    without_own = replace(MOVING, object=0.0, torn=0.0, apart=0.0)
    for i in range(10):
        background, ((part, motion),) = synthetic_layers(mask, rng(i), without_own)
        assert background.any()
        assert np.array_equal(part, mask)
        np.testing.assert_array_equal(motion, background)


def test_the_border_of_the_motion_is_the_border_of_the_mask() -> None:
    still = replace(MOVING, still_camera=1.0, noise=0.0)
    for i in range(20):
        mask = disc(50 + 4 * i, 50 + 2 * i)
        length = np.linalg.norm(synthetic_flow(mask, rng(i), still), axis=-1)
        found = length > 0.3 * np.quantile(length[mask > 0], 0.9)
        union = np.count_nonzero(found | (mask > 0))
        assert np.count_nonzero(found & (mask > 0)) > 0.55 * union, i


def test_the_motion_moves_with_the_mask() -> None:
    still = replace(MOVING, still_camera=1.0, noise=0.0)
    places = [(60, 60), (130, 60), (60, 90), (130, 90)]
    for place in places:
        length = np.linalg.norm(synthetic_flow(disc(*place, radius=25), rng(5), still), axis=-1)
        m = cv2.moments(length.astype(np.float32))
        assert m["m10"] / m["m00"] == pytest.approx(place[0], abs=15)
        assert m["m01"] / m["m00"] == pytest.approx(place[1], abs=15)


@pytest.mark.slow
def test_share_of_stills() -> None:
    mask = disc(90, 70)
    silent = SyntheticFlowSettings(stirred=0.0, noise=0.0)
    fields = [synthetic_flow(mask, rng(i), silent) for i in range(400)]
    at_rest = [not np.any(f[:20, :20]) for f in fields]
    assert np.mean(at_rest) == pytest.approx(silent.still_camera, abs=0.07)
    all_at_rest = replace(silent, still_camera=1.0)
    nothing = [not np.any(synthetic_flow(mask, rng(i), all_at_rest)) for i in range(400)]
    assert np.mean(nothing) == pytest.approx(silent.still_object, abs=0.05)


def test_parts_of_the_background_stir_and_the_rest_of_it_rests() -> None:
    mask = disc(90, 70)
    shares = []
    for i in range(100):
        length = np.linalg.norm(synthetic_flow(mask, rng(i), STIRRED), axis=-1)
        shares.append(np.mean(length > 0))
        assert length.max() < 0.1 * max(mask.shape), "they move a little"
        assert not np.any(synthetic_flow(mask, rng(i), replace(STIRRED, stirred=0.0)))
    assert np.mean(np.array(shares) > 0) > 0.95
    assert 0.05 < np.median(shares) < 0.5
    assert max(shares) < 1


def test_what_does_not_stir_moves_with_the_camera() -> None:
    mask = disc(90, 70)
    camera = replace(STIRRED, still_camera=0.0)
    changed = []
    for i in range(30):
        steady, stirred = (synthetic_flow(mask, rng(i), replace(camera, stirred=s)) for s in (0.0, 1.0))
        assert steady.any()
        assert np.all(stirred == steady, axis=-1).mean() > 0.05
        changed.append(not np.array_equal(stirred, steady))
    assert np.mean(changed) > 0.8  # what stirs may lie behind the object


def test_share_of_stirred_backgrounds() -> None:
    mask = disc(90, 70)
    for share in (0.0, 0.3, 1.0):
        moves = [np.any(synthetic_flow(mask, rng(i), replace(STIRRED, stirred=share))) for i in range(200)]
        assert np.mean(moves) == pytest.approx(share, abs=0.08)


def test_drawn_as_real_flow_is() -> None:
    mask = disc(90, 70)
    picture = synthetic_flow_picture(mask, rng(1), MOVING)
    small = cv2.resize(mask, (96, 72), interpolation=cv2.INTER_AREA)
    drawn = flow_to_image(synthetic_flow(small, rng(1), MOVING))
    assert picture.shape == (144, 192, 3)
    back = cv2.resize(picture, (96, 72), interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - drawn).mean() < 6
    assert drawn.min() < 40  # the longest vector is drawn in full colour


def test_views_lose_the_object_in_their_flow_but_never_all() -> None:
    mask = disc(90, 70)
    flow = flow_to_image(np.float32(5) * mask[..., None] * np.ones(2, np.float32))
    view = View(flow, (255 * mask).astype(np.uint8), flow)
    seen = [lose_motion([view] * 3, 0.4, rng(seed)) for seed in range(100)]
    lost = np.array([[not np.array_equal(v.flow, flow) for v in group] for group in seen])
    assert lost.mean() == pytest.approx(0.4 * 2 / 3, abs=0.06), "one of three keeps its flow"
    assert (lost.sum(axis=1) < 3).all()
    assert lost.any(axis=0).all()
    blind = [v.flow for group in seen for v in group if v.flow is not flow]
    assert all(f.shape == flow.shape and f.dtype == np.uint8 for f in blind)
    # On average over many, inside and outside look the same.
    mean = np.mean([f.astype(float) for f in blind], axis=0)
    assert np.abs(mean[mask > 0].mean(axis=0) - mean[mask == 0].mean(axis=0)).max() < 12
    assert np.std([f.std() for f in blind]) > 10, "some nearly even, some in pieces"
    again = [lose_motion([view] * 3, 0.0, rng(0)), lose_motion([view], 1.0, rng(0))]
    assert all(v.flow is flow for group in again for v in group)
