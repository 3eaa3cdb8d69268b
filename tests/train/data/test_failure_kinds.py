"""Sequences of known difficulties: what moves, what is the object, and what is only in its way."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from dpa.train.data.augment import View
from dpa.train.data.failure_kinds import FRAMES, KINDS, make_scene

SIZE = (120, 160)
RED, BLUE = (220, 30, 30), (30, 30, 220)


def still(colour: tuple[int, int, int], centre: tuple[int, int] = (80, 60)) -> View:
    ground = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, SIZE).astype(np.float32), (0, 0), 3)
    image = np.repeat((110 + 60 * ground).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, centre, 24, 255, -1)
    image[mask > 0] = colour
    return View(image, mask)


def made(kind: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(T, H, W, 3) and (T, H, W): a red object, others blue."""
    scene = make_scene(kind, still(RED), lambda: still(BLUE), np.random.default_rng(seed))
    images, masks = zip(*(scene.frame(t) for t in range(FRAMES)), strict=True)
    return np.stack(images), np.stack(masks)


def red(images: np.ndarray) -> np.ndarray:
    return (images[..., 0] > 150) & (images[..., 2] < 90)


def blue(images: np.ndarray) -> np.ndarray:
    return (images[..., 2] > 150) & (images[..., 0] < 90)


def centre(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask > 0).mean(axis=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_pure_function_of_its_numbers(kind: str) -> None:
    images, masks = made(kind)
    assert images.shape == (FRAMES, *SIZE, 3)
    assert images.dtype == masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 255}
    again = made(kind)
    assert np.array_equal(images, again[0])
    assert np.array_equal(masks, again[1])
    assert not np.array_equal(images, made(kind, seed=1)[0])


@pytest.mark.parametrize("kind", ["plain", "crowd", "empty", "leaving"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_mask_is_the_red_object(kind: str, seed: int) -> None:
    images, masks = made(kind, seed)
    for image, mask in zip(images, masks, strict=True):
        found = red(image)
        # Of the outline, soft by two pixels, a part belongs to neither.
        outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
        assert np.array_equal(found[~outline], mask[~outline] > 0)


def test_it_moves() -> None:
    for seed in range(3):
        _, masks = made("plain", seed)
        assert np.linalg.norm(centre(masks[-1]) - centre(masks[0])) > 0.04 * SIZE[1]


def test_a_crowd_is_there_and_is_no_object() -> None:
    images, masks = made("crowd")
    assert all(np.count_nonzero(blue(image)) > 100 for image in images)
    assert not np.any(blue(images) & (masks > 0))


def test_smoke_and_shadow_change_the_picture_and_not_the_mask() -> None:
    images, masks = made("plain")
    for kind in ("smoke", "shadow"):
        others, same = made(kind)
        assert np.array_equal(same, masks)
        assert np.abs(others.astype(int) - images)[..., 0].mean() > 0.5


def test_small_fast_ones_are_small_fast_and_blurred() -> None:
    _, masks = made("small-fast")
    seen = [mask for mask in masks if mask.any()]
    assert len(seen) > FRAMES / 2
    assert max(np.count_nonzero(mask) for mask in seen) < 0.03 * SIZE[0] * SIZE[1]
    steps = [np.linalg.norm(centre(b) - centre(a)) for a, b in pairwise(seen)]
    assert max(steps) > 0.03 * SIZE[1]


@pytest.mark.parametrize("kind", ["in-front", "occluded"])
def test_what_is_in_front_is_cut_out_of_the_mask(kind: str) -> None:
    for seed in range(3):
        images, masks = made(kind, seed)
        whole = np.count_nonzero(still(RED).mask)
        assert min(np.count_nonzero(mask) for mask in masks) < 0.92 * whole
        assert red(images[masks > 0]).mean() > 0.85


def test_empty_frames_are_empty() -> None:
    images, masks = made("empty")
    there = [bool(mask.any()) for mask in masks]
    assert there == [False] * 4 + [True] * 5 + [False] * 3
    assert not any(red(image).any() for image, is_there in zip(images, there, strict=True) if not is_there)


def test_both_movers_are_the_object() -> None:
    images, masks = made("two-movers")
    for image, mask in zip(images, masks, strict=True):
        both = red(image) | blue(image)
        assert red(image[mask > 0]).sum() > 100
        assert blue(image[mask > 0]).sum() > 100
        assert np.count_nonzero(both & (mask == 0)) < 0.1 * np.count_nonzero(both)


def test_leaving_ones_are_nearly_gone_at_one_end() -> None:
    for seed in range(3):
        _, masks = made("leaving", seed)
        areas = [np.count_nonzero(mask) for mask in masks]
        assert min(areas[0], areas[-1]) < 0.25 * max(areas)
