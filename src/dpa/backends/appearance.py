"""What frames show, in features of DINOv2: a thing has the same ones wherever it is and however it turns.

The small network (ViT-S/14; Oquab et al., TMLR 2024, arXiv 2304.07193), weights in 8-bit integers, inside the
package: see the card beside the file.
"""

from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpa.arrays import Image
from dpa.backends.session import session
from dpa.device import cores
from dpa.model.size import fit
from dpa.weights.registry import DINOV2

PATCH = 14
"""Pixels of a picture's side that one feature stands for."""
_PATCHES = 576
"""Patches of a picture, about: 32 x 18 of 16 : 9. The time goes by this number (docs/experiments.md)."""


class Appearance:
    """DINOv2's features of frames, on the CPU.

    Args:
        path: of the graph.
        threads: 0 for one per core.

    Raises:
        WeightsError: the file is missing or damaged.

    Example:
        >>> frame = np.zeros((288, 512, 3), np.uint8)
        >>> Appearance()(frame).shape
        (384, 18, 32)
    """

    def __init__(self, path: Path = DINOV2, threads: int = 0) -> None:
        self._session: Any = session(path, threads or cores())

    def __call__(self, image: Image) -> NDArray[np.float32]:
        """Features of a frame, (h, w, 3) uint8, RGB: (384, y, x) float32, one for every patch of the picture,
        which is scaled to about `_PATCHES` of them.
        """
        picture = fit(image, grid(image.shape[0], image.shape[1]))
        (features,) = self._session.run(None, {"image": np.ascontiguousarray(picture[None])})
        found: NDArray[np.float32] = features[0]
        return found


@cache
def appearance(threads: int) -> Appearance:
    """DINOv2, loaded once a process; threads as for `Appearance`."""
    return Appearance(threads=threads)


def grid(height: int, width: int) -> tuple[int, int]:
    """(height, width) to which a picture is scaled, pixels: whole patches, its aspect nearly kept."""
    scale = sqrt(_PATCHES / (height * width))
    rows, columns = (max(1, round(side * scale)) for side in (height, width))
    return PATCH * rows, PATCH * columns
