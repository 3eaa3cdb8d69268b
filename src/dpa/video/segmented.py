"""What a sink is given of a frame."""

from dataclasses import dataclass

from dpa.arrays import Alpha, Binary, Image, Probability
from dpa.video.frame import Frame


@dataclass(frozen=True, eq=False)
class Segmented:
    """What was found in a frame.

    Attributes:
        frame: the frame, image (H, W, 3) uint8 RGB.
        probability: (H, W) float32 in [0, 1].
        mask: (H, W) bool.
        flow: the flow picture, (h, w, 3) uint8 RGB, at any size; None where there is none.
        alpha: (H, W) uint8, of the object; None for a ramp over the probability.
    """

    frame: Frame
    probability: Probability
    mask: Binary
    flow: Image | None = None
    alpha: Alpha | None = None
