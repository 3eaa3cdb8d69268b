"""What every flow estimator looks like from outside, and how one is chosen by name."""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

NAMES = ("auto", "dis", "dis-fast", "raft-small", "raft-large")


class FlowEstimator(Protocol):
    """Two pictures in, the motion between them out.

    Attributes:
        name: the name by which `make_estimator` makes it.
        recipe: what somebody else needs to get the same flow: JSON values only.
    """

    name: str
    recipe: dict[str, object]

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow from `first` to `second`.

        Args:
            first: (H, W, 3) uint8, RGB.
            second: the same size.

        Returns:
            (H, W, 2) float32, x then y, in pixels of these pictures: what is at (x, y) in `first` is at
            (x + u, y + v) in `second`.
        """
        ...


def hub_folder() -> Path:
    """Where torch hub keeps weights files, found as torch does it but without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
