"""DINOv2's features of a video's frames: computed for some, moved along the flow to those that follow.

What a thing looks like to DINOv2 changes slowly, and DINOv2 takes longer than all the rest.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dpa.arrays import Flow, Image
from dpa.engine.frame_data import FrameData
from dpa.engine.propagation import grid_flow, warped
from dpa.engine.target import by_channels


class Carried:
    """Features of frames that come in order: DINOv2 looks at the first frame of every n that it is asked for,
    and wherever no flow leads on from the one before.

    Which frames these are hangs on their indices, so that a part of a video sees what the whole sees. A frame
    between reads the features at the place in the frame looked at where the flow says that it comes from.

    Args:
        look: DINOv2: a frame, (h, w, 3) uint8 -> (384, y, x) float32.
        every: n.
        causal: a frame's flow is that from the frame before instead of that to the next one.

    Example:
        >>> looked = []
        >>> carried = Carried(lambda image: looked.append(1) or np.ones((384, 2, 2), np.float32), every=2)
        >>> for index in range(4):
        ...     frame = Frame(np.zeros((32, 32, 3), np.uint8), index)
        ...     data = FrameData(frame, frame.image, flow=np.zeros((32, 32, 2), np.float32))
        ...     features = carried.next(data, frame.image)
        >>> len(looked), features.shape
        (2, (384, 2, 2))
    """

    def __init__(
        self, look: Callable[[Image], NDArray[np.float32]], every: int, *, causal: bool = False
    ) -> None:
        self._look, self._every, self._causal = look, every, causal
        self._features: NDArray[np.float32] | None = None
        self._at = 0  # index of the frame that they are of
        self._back: Flow | None = None  # from the last frame to that one; None where it is not known
        self._leading: Flow | None = None  # the last frame's flow

    def next(self, data: FrameData, image: Image | None) -> NDArray[np.float32] | None:
        """Features of the next frame, (384, y, x); None of one that the network is not to see.

        Args:
            data: the frame.
            image: it at the network's size, (h, w, 3) uint8; None of one that is not to be seen.
        """
        if self._features is not None:
            own = None if data.flow is None else grid_flow(data, self._features.shape[1:])
            self._move(own if self._causal else self._leading)
            self._leading = own
        if image is None:
            return None
        index = data.frame.index
        if self._features is None or self._back is None or index // self._every != self._at // self._every:
            self._features, self._at = self._look(image), index
            size = self._features.shape[1:]
            self._back = np.zeros((*size, 2), np.float32)
            self._leading = None if data.flow is None else grid_flow(data, size)
            return self._features
        back = self._back
        return by_channels(self._features, lambda some: warped(some, back))

    def _move(self, flow: Flow | None) -> None:
        if flow is None or self._back is None:
            self._back = None
            return
        self._back = warped(self._back, -flow) - flow
