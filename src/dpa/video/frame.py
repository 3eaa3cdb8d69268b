"""What flows through the package: one frame of a video."""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from dpa.arrays import Alpha, Image

_GREY = 128


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    Attributes:
        image: (H, W, 3) uint8, RGB, as it is to be shown (rotation and EXIF orientation applied).
        index: place in the source, from 0, without gaps.
        time: presentation time in seconds from the first frame; None where the source has none
            (folders and single images).
        name: the file's stem for folders and images, None for videos.
        alpha: (H, W) uint8, how opaque the source itself is; None where it is so everywhere. The image then
            lies on grey.
        coded: (H, W, 3) uint16, the picture in its high dynamic range as it is coded, full range up to 65535;
            None for ordinary video, and where that was not asked for.
        shot: number of the shot that it belongs to, from 0.
        span: the first frame, and the one after the last, of those that it shares references with: its shot,
            or a part of a long one; None for all of the video, or where it comes live.

    Example:
        >>> Frame(np.zeros((96, 128, 3), np.uint8), index=0).image.shape
        (96, 128, 3)
    """

    image: Image
    index: int
    time: Fraction | None = None
    name: str | None = None
    alpha: Alpha | None = None
    coded: np.ndarray | None = None
    shot: int = 0
    span: tuple[int, int] | None = None


def shown(colours: Image, alpha: Alpha | None) -> tuple[Image, Alpha | None]:
    """What a picture with transparency is segmented as: on grey, since its hidden colours are anything.

    Args:
        colours: (H, W, 3) uint8 RGB, straight.
        alpha: (H, W) uint8, or None.

    Returns:
        The colours on grey, and the alpha; None where it is opaque everywhere.
    """
    if alpha is None or alpha.min() == 255:
        return colours, None
    share = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    front = cv2.multiply(colours, share, scale=1 / 255)
    grey = cv2.multiply(cv2.bitwise_not(share), np.full_like(share, _GREY), scale=1 / 255)
    return cv2.add(front, grey), alpha
