"""The second frame of made motion: the field leads onto it, and the mask goes with the object."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.data.motion import MotionSettings, made_flow
from dpa.data.warp import second_frame


def _scene(rng: np.random.Generator, size: tuple[int, int] = (120, 160)) -> tuple[np.ndarray, np.ndarray]:
    image = cv2.GaussianBlur(rng.integers(0, 256, (*size, 3)).astype(np.uint8), (0, 0), 4)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    mask = np.zeros(size, np.float32)
    cv2.circle(mask, (80, 60), 28, 1.0, -1)
    return image, mask


def _apart(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b)[where].mean())


@pytest.mark.parametrize("seed", range(12))
def test_the_made_field_warps_the_frame_onto_its_second_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, mask = _scene(rng)
    field = made_flow(mask, rng, MotionSettings(still_object=0.0, least=0.02, noise=0.0))
    second, _ = second_frame(image, mask, field)
    y, x = np.mgrid[:120, :160].astype(np.float32)
    to_x, to_y = x + field[..., 0], y + field[..., 1]
    looked_up = cv2.remap(second, to_x, to_y, cv2.INTER_LINEAR)
    # Where nothing is covered or uncovered: away from the object's border and the picture's.
    band = cv2.dilate(mask, np.ones((31, 31))) - cv2.erode(mask, np.ones((9, 9))) > 0
    seen = ~band & (to_x > 2) & (to_x < 157) & (to_y > 2) & (to_y < 117)
    assert seen.sum() > 3000
    moved, still = _apart(looked_up, image, seen), _apart(second, image, seen)
    assert moved < 3
    assert moved < 0.5 * still


@settings(max_examples=25, deadline=None)
@given(st.integers(-25, 25), st.integers(-20, 20))
def test_masks_move_with_the_object(dx: int, dy: int) -> None:
    image, mask = _scene(np.random.default_rng(0))
    field = np.zeros((120, 160, 2), np.float32)
    field[mask > 0] = (dx, dy)
    second, moved = second_frame(image, mask, field)
    there = np.roll(mask, (dy, dx), (0, 1)) > 0
    # What the object uncovers is filled from what is nearest, which may be the object's border.
    assert not np.any(there & (moved == 0))
    assert np.array_equal(second[there], np.roll(image, (dy, dx), (0, 1))[there])
    away = cv2.dilate(np.maximum(mask, there.astype(np.float32)), np.ones((5, 5))) == 0
    assert not moved[away].any()
    assert np.array_equal(second[away], image[away])


def test_nothing_moves_and_everything_leaves() -> None:
    image, mask = _scene(np.random.default_rng(1))
    for shift in (0.0, 1000.0):
        second, moved = second_frame(image, mask, np.full((120, 160, 2), shift, np.float32))
        assert np.array_equal(second, image)
        assert np.array_equal(moved > 0, mask > 0)
