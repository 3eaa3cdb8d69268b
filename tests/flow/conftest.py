"""Pictures whose motion is known, and a data set of them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


def _texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: smooth noise with detail at several scales, so that motion can be found anywhere."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for sigma in (2, 5, 12):
        layer = cv2.GaussianBlur(rng.normal(size=(height, width, 3)), (0, 0), sigma)
        total += layer / layer.std()
    return np.clip(128 + 35 * total, 0, 255).astype(np.uint8)


def _shifted_pair(height: int, width: int, dx: int, dy: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two views of one texture: what is at (x, y) in the first is at (x + dx, y + dy) in the second."""
    margin = max(abs(dx), abs(dy))
    whole = _texture(height + 2 * margin, width + 2 * margin, seed)
    first = whole[margin : margin + height, margin : margin + width]
    second = whole[margin - dy : margin - dy + height, margin - dx : margin - dx + width]
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


@pytest.fixture
def texture() -> Callable[..., np.ndarray]:
    """`texture(height, width, seed=0)`."""
    return _texture


@pytest.fixture
def shifted_pair() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """`shifted_pair(height, width, dx, dy, seed=0)`."""
    return _shifted_pair


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two sequences, bear of three frames and car_park of two, flat."""
    root = tmp_path / "data"
    (root / "RGB").mkdir(parents=True)
    for name, length in (("bear", 3), ("car_park", 2)):
        for index in range(length):
            image, _ = _shifted_pair(60, 80, index + 1, 0, seed=3)
            cv2.imwrite(str(root / "RGB" / f"{name}_{index:05d}.png"), image)
    return root
