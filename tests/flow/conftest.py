"""Pictures whose motion is known."""

from collections.abc import Callable

import numpy as np
import pytest

import flow_samples


@pytest.fixture
def texture() -> Callable[..., np.ndarray]:
    """`texture(height, width, seed=0)`."""
    return flow_samples.texture


@pytest.fixture
def shifted_pair() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """`shifted_pair(height, width, dx, dy, seed=0)`."""
    return flow_samples.shifted_pair
