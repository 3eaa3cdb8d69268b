"""What frames show, in features of DINOv2: a thing has the same ones wherever it is and however it turns.

The small network (ViT-S/14; Oquab et al., TMLR 2024, arXiv 2304.07193), weights in 8-bit integers, inside the
package: see the card beside the file.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dpa.arrays import Image
from dpa.device import cores
from dpa.model.session import session
from dpa.model.size import fit
from dpa.weights.registry import DINOV2

WIDTH = 384
"""Numbers in a feature."""
PATCH = 14
"""Pixels of a picture's side that one feature stands for, in what DINOv2 is shown."""
_STRIDE = 16
"""Pixels of the same in what it is given: those of an encoder's stage 4."""


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
        """Features of a frame, (h, w, 3) uint8, RGB: (384, y, x) float32, one for every 16 x 16 pixels."""
        picture = fit(image, grid(image.shape[0], image.shape[1]))
        (features,) = self._session.run(None, {"image": np.ascontiguousarray(picture[None])})
        found: NDArray[np.float32] = features[0]
        return found


@cache
def appearance(threads: int) -> Appearance:
    """DINOv2, loaded once a process; threads as for `Appearance`."""
    return Appearance(threads=threads)


def grid(height: int, width: int) -> tuple[int, int]:
    """(height, width) to which a picture is scaled, pixels: a patch for every 16 x 16."""
    rows, columns = (PATCH * max(1, round(side / _STRIDE)) for side in (height, width))
    return rows, columns
