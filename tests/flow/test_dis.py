import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dpa.flow.dis import DIS


@pytest.mark.parametrize("preset", ["medium", "fast", "ultrafast"])
@pytest.mark.parametrize("shift", [(3, 0), (0, -4), (6, 5), (-8, 2)])
def test_it_finds_a_shift(shifted_pair: Callable, preset: str, shift: tuple[int, int]) -> None:
    first, second = shifted_pair(120, 160, *shift)
    flow = DIS(preset)(first, second)
    assert flow.shape == (120, 160, 2)
    assert flow.dtype == np.float32
    inside = flow[15:-15, 15:-15]
    np.testing.assert_allclose(np.median(inside, axis=(0, 1)), shift, atol=0.3)
    assert (np.linalg.norm(inside - shift, axis=-1) < 1).mean() > 0.95


@pytest.mark.parametrize("preset", ["medium", "fast", "ultrafast"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (8, 8), (11, 13), (1, 300), (300, 1), (95, 97), (200, 9)])
def test_any_size(texture: Callable, preset: str, shape: tuple[int, int]) -> None:
    flow = DIS(preset)(texture(*shape, seed=1), texture(*shape, seed=2))
    assert flow.shape == (*shape, 2)
    assert np.isfinite(flow).all()


def test_a_small_picture_leaves_no_trace_in_the_estimator(shifted_pair: Callable) -> None:
    first, second = shifted_pair(120, 160, 5, 3)
    estimator = DIS()
    before = estimator(first, second)
    estimator(first[:8, :8], second[:8, :8])
    np.testing.assert_array_equal(estimator(first, second), before)


def test_no_motion_between_equal_pictures(texture: Callable) -> None:
    image = texture(100, 120)
    assert np.abs(DIS()(image, image)).max() < 1e-3


def test_threads_may_share_one(shifted_pair: Callable) -> None:
    pairs = [shifted_pair(100, 120, shift, 0, seed=shift) for shift in range(1, 7)]
    estimator = DIS("fast")
    alone = [estimator(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: estimator(*pair), pairs * 3))
    for flow, expected in zip(together, alone * 3, strict=True):
        np.testing.assert_array_equal(flow, expected)


def test_the_recipe_is_json() -> None:
    recipe = DIS("fast").recipe
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["preset"] == "fast"


def test_wrong_use(texture: Callable) -> None:
    with pytest.raises(ValueError, match="medium"):
        DIS("slow")
    with pytest.raises(ValueError, match="one size"):
        DIS()(texture(20, 20), texture(20, 21))
