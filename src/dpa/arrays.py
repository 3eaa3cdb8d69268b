"""What arrays hold, a name for each kind: type checkers know the element, this page shape and range.

H and W are rows and columns of a frame; lower-case h and w those of a reduced grid.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3), RGB; a frame, or a flow picture."""

Flow = NDArray[np.float32]
"""(H, W, 2): for every pixel how far it moves to the right and down, in pixels."""

Probability = NDArray[np.float32]
"""(H, W), that of the object, in [0, 1]."""

Binary = NDArray[np.bool_]
"""(H, W), true on the object."""

Alpha = NDArray[np.uint8]
"""(H, W), 255 where the picture or the object is opaque."""

Grey = NDArray[np.uint8]
"""(H, W), a picture of one channel: the soft maps of saliency, for instance."""

Images = NDArray[np.uint8]
"""(B, H, W, 3), a batch of `Image`."""

Probabilities = NDArray[np.float32]
"""(B, H, W), a batch of `Probability`."""

Prototypes = NDArray[np.float32]
"""(streams, N * D, D): K or V of N reference frames, see `dpa.model.dpa.References`."""

Features = Sequence[NDArray[np.float32]]
"""Of a frame: what the appearance encoder's stages 2 to 4 give, each (C, h, w), the finest first; then what
DINOv2 gives, (384, y, x), where it is looked at."""
