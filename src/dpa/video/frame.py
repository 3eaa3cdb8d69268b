"""What flows through the package: one frame of a video."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        image: (H, W, 3) uint8, RGB, as it is to be shown (rotation and EXIF orientation applied).
        index: place in the source, from 0, without gaps.
        time: presentation time in seconds from the first frame; None where the source has none
            (folders and single images).
        name: the file's stem for folders and images, None for videos.
    """

    image: np.ndarray
    index: int
    time: Fraction | None = None
    name: str | None = None
