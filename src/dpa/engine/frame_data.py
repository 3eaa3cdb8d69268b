"""What flows through the engine: one frame, and what its stages have found out about it."""

from dataclasses import dataclass

from dpa.arrays import Flow, Image, Probability
from dpa.video.frame import Frame


@dataclass(frozen=True, eq=False)
class FrameData:
    """A frame on its way from the file to its mask; each stage gives it on with what it has added.

    Attributes:
        frame: the frame.
        picture: its flow picture, (h, w, 3) uint8 RGB, at any size.
        flow: (h, w, 2) float32, the flow that is drawn in the picture, in pixels of the frame, on a grid of
            its own; None where a flow picture was given.
        wanted: whether the network is to see it.
        probability: of the object, (h, w) float32 in [0, 1], at the network's size; None until the network
            has seen the frame, or masks of others have been propagated to it.
        beside: probabilities of the frames beside it, moved along the flow to this one, all of one size; none
            where they are not known.
    """

    frame: Frame
    picture: Image
    flow: Flow | None = None
    wanted: bool = True
    probability: Probability | None = None
    beside: tuple[Probability, ...] = ()
