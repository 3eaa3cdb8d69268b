"""What a sink is given of a frame."""

from dataclasses import dataclass
from functools import cached_property

import cv2

from dpa.arrays import Alpha, Binary, Image, Probability
from dpa.video.frame import Frame


@dataclass(frozen=True, eq=False)
class Segmented:
    """What was found in a frame.

    Attributes:
        frame: the frame, image (H, W, 3) uint8 RGB.
        coarse: (h, w) float32 in [0, 1], the probability at any size.
        mask: (H, W) bool.
        flow: the flow picture, (h, w, 3) uint8 RGB, at any size; None where there is none.
        alpha: (H, W) uint8, of the object; None for a ramp over the probability.
    """

    frame: Frame
    coarse: Probability
    mask: Binary
    flow: Image | None = None
    alpha: Alpha | None = None

    @cached_property
    def probability(self) -> Probability:
        """(H, W) float32 in [0, 1], made when it is asked for: few outputs want it."""
        return enlarged(self.coarse, self.frame.image.shape[:2])


def enlarged(probability: Probability, size: tuple[int, int]) -> Probability:
    """A probability at a frame's size, (H, W)."""
    if probability.shape == size:
        return probability
    return cv2.resize(probability, size[::-1], interpolation=cv2.INTER_LINEAR)
