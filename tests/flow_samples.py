"""Pictures whose motion is known."""

import cv2
import numpy as np


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: smooth noise with detail at several scales, so that motion can be found anywhere."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for sigma in (2, 5, 12):
        layer = cv2.GaussianBlur(rng.normal(size=(height, width, 3)), (0, 0), sigma)
        total += layer / layer.std()
    return np.clip(128 + 35 * total, 0, 255).astype(np.uint8)


def shifted_pair(height: int, width: int, dx: int, dy: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two views of one texture: what is at (x, y) in the first is at (x + dx, y + dy) in the second."""
    margin = max(abs(dx), abs(dy))
    whole = texture(height + 2 * margin, width + 2 * margin, seed)
    first = whole[margin : margin + height, margin : margin + width]
    second = whole[margin - dy : margin - dy + height, margin - dx : margin - dx + width]
    return np.ascontiguousarray(first), np.ascontiguousarray(second)
