"""Fractal noise: the stuff that clouds, hills, grass and fur are drawn with."""

import cv2
import numpy as np


def fractal(
    rng: np.random.Generator, height: int, width: int, coarsest: float, octaves: int, fall: float = 0.55
) -> np.ndarray:
    """(height, width) float32 in [0, 1]: octaves of smooth noise, each half the size of the one before.

    Args:
        rng: where the randomness comes from.
        height: rows.
        width: columns.
        coarsest: pixels of the first octave's cells.
        octaves: how many are added.
        fall: weight of an octave relative to the one before.
    """
    total = np.zeros((height, width), np.float32)
    weight, cell = 1.0, coarsest
    for _ in range(octaves):
        grid = (int(height / cell) + 3, int(width / cell) + 3)
        rough = rng.standard_normal(grid).astype(np.float32)
        # Enlarged whole, then cut: a non-integer cell size leaves no visible lattice.
        size = (int(grid[1] * cell), int(grid[0] * cell))
        total += weight * cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC)[:height, :width]
        weight *= fall
        cell = max(cell / 2, 1.0)
    low, high = np.percentile(total, [1, 99])
    return np.clip((total - low) / (high - low), 0, 1).astype(np.float32)


def mix(low: tuple[float, ...], high: tuple[float, ...], amount: np.ndarray) -> np.ndarray:
    """Blend two RGB colours: `amount` (H, W) in [0, 1] -> (H, W, 3) float32."""
    first, second = np.asarray(low, np.float32), np.asarray(high, np.float32)
    return first + (second - first) * amount[..., None]
