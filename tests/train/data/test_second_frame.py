"""The frame after a still: layers that move, what they uncover, and the flow that DIS finds."""

import cv2
import numpy as np
import pytest

from dpa.train.data.second_frame import estimated_flow_picture, moved
from dpa.train.data.synthetic_flow import SyntheticFlowSettings

H, W = 120, 160
BOX = (slice(40, 80), slice(50, 100))


def still(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A textured picture with a brighter textured box, and the box's mask in [0, 1]."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 120, (H // 4, W // 4, 3), dtype=np.uint8), (W, H))
    image[BOX] = cv2.resize(rng.integers(130, 256, (10, 12, 3), dtype=np.uint8), (50, 40))
    mask = np.zeros((H, W), np.float32)
    mask[BOX] = 1
    return image, mask


def field(x: float, y: float) -> np.ndarray:
    return np.full((H, W, 2), (x, y), np.float32)


def test_nothing_moves() -> None:
    image, mask = still()
    second = moved(image, mask, field(0, 0), [])
    # Without a part in front the object's place is filled from around it, and all else is as it was.
    away = cv2.dilate(mask, np.ones((9, 9))) == 0
    assert np.array_equal(second[away], image[away])
    assert second[BOX].mean() < 100 < image[BOX].mean()
    assert np.array_equal(moved(image, mask, field(0, 0), [(mask, field(0, 0))])[BOX], image[BOX])


def test_the_object_moves_over_a_background_that_moves_otherwise() -> None:
    image, mask = still()
    second = moved(image, mask, field(-3, 0), [(mask, field(6, 4))])
    assert np.array_equal(second[46:82, 58:104], image[42:78, 52:98])
    assert np.array_equal(second[5:30, 5:140], image[5:30, 8:143])
    uncovered = second[42:78, 50:53]  # where the object was
    assert uncovered.mean() < 110


def test_parts_move_on_their_own_and_the_later_one_is_in_front() -> None:
    image, mask = still()
    left, right = mask.copy(), mask.copy()
    left[:, 75:], right[:, :75] = 0, 0
    second = moved(image, mask, field(0, 0), [(left, field(10, 0)), (right, field(-5, 0))])
    assert np.array_equal(second[45:75, 72:90], image[45:75, 77:95])
    assert np.array_equal(second[45:75, 62:68], image[45:75, 52:58])


def test_the_flow_found_shows_the_object() -> None:
    image, mask = still()
    moving = SyntheticFlowSettings(still_camera=1.0, still_object=0.0, stirred=0.0, object=0.02, least=0.03)
    contrast = []
    for seed in range(6):
        first, flow = estimated_flow_picture(image, mask, np.random.default_rng(seed), moving)
        assert first.shape == flow.shape == (H, W, 3)
        assert first.dtype == flow.dtype == np.uint8
        colour = flow[45:75, 60:90].reshape(-1, 3).mean(0) - flow[:20].reshape(-1, 3).mean(0)
        contrast.append(np.abs(colour).max())
    assert np.median(contrast) > 60


def test_the_same_seed_gives_the_same_pictures() -> None:
    image, mask = still()
    a, b = (estimated_flow_picture(image, mask, np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_smoke_is_in_some_of_the_first_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    image, mask = still()
    changed = [
        not np.array_equal(estimated_flow_picture(image, mask, np.random.default_rng(s))[0], image)
        for s in range(60)
    ]
    assert 0 < sum(changed) < 15
    empty = np.zeros_like(mask)  # nothing to be beside: it is somewhere
    monkeypatch.setattr("dpa.train.data.second_frame._SMOKE", 1.0)
    first, _ = estimated_flow_picture(image, empty, np.random.default_rng(0))
    assert not np.array_equal(first, image)
