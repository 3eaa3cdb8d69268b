"""Copy-paste video: the mask is that of what moves, and what rests stays where it is."""

import cv2
import numpy as np
import pytest

from dpa.data.augment import View
from dpa.data.paste import paste_resting, paste_scenes, put_bars

SCENE, OTHER = (200, 60, 60), (40, 220, 40)


def _still(colour: tuple[int, int, int], at: tuple[int, int], size: tuple[int, int] = (120, 160)) -> View:
    image, mask = np.full((*size, 3), 20, np.uint8), np.zeros(size, np.uint8)
    cv2.circle(mask, at, 22, 255, -1)
    image[mask > 0] = colour
    return View(image, mask)


def _of(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a picture shows an object, whatever its brightness."""
    channel = int(np.argmax(colour))
    rest = np.delete(image, channel, axis=-1).max(axis=-1).astype(int)
    return image[..., channel] - rest > 60


def _agree(found: np.ndarray, mask: np.ndarray) -> float:
    union = np.count_nonzero(found | (mask > 0))
    return np.count_nonzero(found & (mask > 0)) / union if union else 1.0


def test_roles() -> None:
    roles = set()
    for seed in range(60):
        scene, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50))
        frames = paste_scenes(scene, other, 3, np.random.default_rng(seed))
        shown = [(_of(f.image, SCENE), _of(f.image, OTHER), f.mask) for f in frames]
        a, b, mask = shown[0]
        assert a.any()
        assert b.any(), seed
        scores = {"scene": _agree(a, mask), "pasted": _agree(b, mask), "both": _agree(a | b, mask)}
        role = max(scores, key=lambda name: scores[name])
        assert scores[role] > 0.8
        roles.add(role)
        places = [np.argwhere(found).mean(0) for _, found, _ in shown]
        rests = all(np.allclose(p, places[0]) for p in places)
        assert rests == (role == "scene"), "what moves is somewhere else in every frame, what rests is not"
        for f in frames:
            assert set(np.unique(f.mask)) <= {0, 255}
            assert f.flow is None
    assert roles == {"scene", "pasted", "both"}


def test_the_seed_decides_and_the_stills_stay_as_they_are() -> None:
    scene, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50), size=(200, 90))
    kept = scene.image.copy(), other.image.copy()
    a, b, c = (paste_scenes(scene, other, 2, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0].image, c[0].image)
    assert np.array_equal(scene.image, kept[0])
    assert np.array_equal(other.image, kept[1])


@pytest.mark.parametrize("empty", ["scene", "other"])
def test_without_an_object_the_scene_stays(empty: str) -> None:
    stills = {"scene": _still(SCENE, (40, 60)), "other": _still(OTHER, (90, 50))}
    stills[empty] = View(stills[empty].image, np.zeros_like(stills[empty].mask))
    frames = paste_scenes(stills["scene"], stills["other"], 2, np.random.default_rng(0))
    assert all(frame is stills["scene"] for frame in frames)


def test_a_resting_object_changes_neither_mask_nor_flow_nor_the_object() -> None:
    frame, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50))
    frame = View(frame.image, frame.mask, np.full_like(frame.image, 7))
    changed = 0
    for seed in range(40):
        result = paste_resting(frame, other, np.random.default_rng(seed))
        assert result.mask is frame.mask
        assert result.flow is frame.flow
        assert np.array_equal(result.image[frame.mask > 0], frame.image[frame.mask > 0])
        changed += not np.array_equal(result.image, frame.image)
    assert changed > 20


def test_no_room_no_paste() -> None:
    full = View(np.zeros((60, 80, 3), np.uint8), np.full((60, 80), 255, np.uint8))
    assert paste_resting(full, _still(OTHER, (90, 50)), np.random.default_rng(0)) is full


def test_bars_stand_in_front_and_are_no_part_of_the_mask() -> None:
    still = _still(SCENE, (80, 60))
    kept = still.image.copy()
    for seed in range(20):
        barred = put_bars(still, np.random.default_rng(seed))
        changed = (barred.image != still.image).any(axis=-1)
        assert 0 < np.count_nonzero(changed) < 0.6 * changed.size
        assert np.array_equal(barred.mask > 0, (still.mask > 0) & ~changed)
    assert np.array_equal(still.image, kept)
    empty = View(still.image, np.zeros_like(still.mask))
    assert put_bars(empty, np.random.default_rng(0)) is empty
