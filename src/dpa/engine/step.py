"""Segmentation one frame at a time, for loops of one's own: causal, with a state of bounded size."""

from dataclasses import replace

from dpa.arrays import Image
from dpa.backends import Backend
from dpa.engine.config import SegmenterConfig
from dpa.engine.frame_data import FrameData
from dpa.engine.network import Network
from dpa.engine.pipeline import finish
from dpa.engine.propagation import smoothed_with_previous
from dpa.engine.results import Mask
from dpa.engine.threads import Clock
from dpa.errors import InputError
from dpa.flow.colour import flow_to_image
from dpa.flow.estimator import FlowEstimator
from dpa.flow.stream import pair_flow
from dpa.video.arrays import check_frame
from dpa.video.frame import Frame


class Stepper:
    """What is kept of a live video between two frames: the last one, and what is known of some before.

    Flow is that of a last frame (`dpa.flow.stream.LAST_FRAME`), references are a bounded sample of the frames
    so far (`Reservoir`), and masks are smoothed with the frame before only.

    Args:
        backend: the network.
        estimator: of the flow; None where frames stand for their flow pictures.
        config: of a `Segmenter`, all decided.

    Raises:
        InputError: not every frame is to be seen by the network.
    """

    def __init__(self, backend: Backend, estimator: FlowEstimator | None, config: SegmenterConfig) -> None:
        if config.every > 1:
            raise InputError("frames that come one by one are all seen by the network: leave `every` at 1")
        self._estimator, self._config, self._clock = estimator, config, Clock()
        self._network = Network(backend, replace(config, mirror=False))
        self._references = self._network.start()
        self._carried = self._network.carried(causal=True)
        self._previous: FrameData | None = None

    def step(self, image: Image) -> Mask:
        """The mask of the next frame.

        Args:
            image: (H, W, 3) uint8 RGB; kept until the next one, not copied.

        Raises:
            InputError: it is no such array, or of another size than those before.
        """
        before = self._previous
        index = 0 if before is None else before.frame.index + 1
        check_frame(image, index, None if before is None else before.frame.image.shape[:2])
        earlier = None if before is None else before.frame.image
        if self._estimator is None:
            data = FrameData(Frame(image, index), image)
        else:
            flow = pair_flow(self._estimator, image, None, earlier, self._config.flow_size)
            data = FrameData(Frame(image, index), flow_to_image(flow, self._config.flow_floor), flow)
        (data,) = self._network.probabilities([data], 1, self._references, self._clock, self._carried)
        self._previous = data
        if before is not None and self._config.smooth:
            data = smoothed_with_previous(before, data, self._config.smooth)
        return finish(data, self._config)
