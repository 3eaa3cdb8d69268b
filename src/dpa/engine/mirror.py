"""Every second frame is shown to the network mirrored: errors of neighbours then differ, and smoothing along
the flow takes more of them out. Test-time augmentation, spread over time so that it costs nothing.
"""

from collections.abc import Sequence

import cv2

from dpa.arrays import Features
from dpa.backends import Seen
from dpa.engine.frame_data import FrameData
from dpa.engine.references import Inputs


def is_mirrored(data: FrameData, every: int) -> bool:
    """Whether it is a frame's turn to be mirrored: of those that the network sees, every second one's.

    It hangs on the frame's index alone, so that a part of a video has the masks of the whole. A frame without
    flow is not smoothed, and is seen as it is.

    Args:
        data: the frame.
        every: the network sees every n-th frame.
    """
    return data.flow is not None and data.frame.index // every % 2 == 1


def mirror(inputs: Inputs) -> Inputs:
    """A frame and its flow picture, mirrored left to right, and what DINOv2 gives of it.

    The picture's colours stay: what moves to the right then has the colour of what moves to the left. A
    network trained with colours permuted (`augment.hues`) does not mind.
    """
    image, picture, dinov2 = inputs
    return Inputs(cv2.flip(image, 1), cv2.flip(picture, 1), None if dinov2 is None else dinov2[:, :, ::-1])


def mirror_back(seen: Seen, mirrored: Sequence[bool]) -> Seen:
    """What a network says of frames, where some of them were shown to it mirrored: all as the frames are.

    Args:
        seen: of n frames, without their own prototypes; its probabilities are changed in place.
        mirrored: n, which frames were mirrored.
    """
    for probability, turn in zip(seen.probability, mirrored, strict=True):
        if turn:
            probability[:] = cv2.flip(probability, 1)
    of_frames = zip(seen.features, mirrored, strict=True) if seen.features else ()
    return seen._replace(features=[_back(maps) if turn else maps for maps, turn in of_frames])


def _back(maps: Features) -> Features:
    return [plane[:, :, ::-1] for plane in maps]
