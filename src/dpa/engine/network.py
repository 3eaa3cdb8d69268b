"""A network at work on a video: frames and flow pictures in, prototypes and probabilities out."""

from collections.abc import Generator, Iterator

import numpy as np

from dpa.backends import Backend, Memory
from dpa.engine.config import SegmenterConfig
from dpa.engine.flow import Drawn
from dpa.engine.references import Inputs, Reservoir
from dpa.engine.threads import Clock, whole
from dpa.errors import TruncatedError
from dpa.model.size import fit
from dpa.video.frame import Frame

Seen = tuple[Frame, np.ndarray | None, np.ndarray | None]
"""A frame, its flow as in `Drawn`, and the object's probability, (h, w) float32 in [0, 1]; None where the
network has not seen the frame."""


class Network:
    """A backend at a working size.

    Args:
        backend: the network.
        config: says at which size.
    """

    def __init__(self, backend: Backend, config: SegmenterConfig) -> None:
        self._backend, self._config = backend, config.for_network(backend.config)

    def inputs(self, image: np.ndarray, picture: np.ndarray) -> Inputs:
        """A frame and its flow picture, (H, W, 3) uint8, at the working size."""
        size = self._config.working_size(image.shape[:2])
        return fit(image, size), fit(picture, size)

    def remember(self, inputs: list[Inputs]) -> list[Memory]:
        """Frames' own prototypes."""
        blank, size = Memory.blank(self._backend.config), self._backend.batch
        groups = (inputs[start : start + size] for start in range(0, len(inputs), size))
        return [own for group in groups for own in self._apply(group, blank, remember=True)[1]]

    def probabilities(
        self,
        drawn: Iterator[tuple[Drawn, bool]],
        together: int,
        references: Memory | Reservoir,
        clock: Clock,
    ) -> Generator[Seen, None, None]:
        """What the network says of frames.

        Args:
            drawn: frames, and whether the network is to see them.
            together: frames it sees at once; one where references are gathered on the way.
            references: prototypes of the reference frames, or where those of the frames are gathered.
            clock: times it.
        """
        for group in _grouped(drawn, 1 if isinstance(references, Reservoir) else together):
            with clock.time("network"):
                inputs = [self.inputs(frame.image, picture) for (frame, _, picture), seen in group if seen]
                if isinstance(references, Reservoir):
                    memory = references.memory or self.remember(inputs)[0]
                    small, own = self._apply(inputs, memory, remember=True)
                    references.add(own[0])
                else:
                    small, _ = self._apply(inputs, references)
            probabilities = iter(small)
            for (frame, flow, _), seen in group:
                yield frame, flow, next(probabilities) if seen else None

    def _apply(
        self, inputs: list[Inputs], memory: Memory, *, remember: bool = False
    ) -> tuple[np.ndarray, list[Memory]]:
        images, pictures = (np.stack(arrays) for arrays in zip(*inputs, strict=True))
        return self._backend(images, pictures, memory, remember=remember)


def _grouped(
    drawn: Iterator[tuple[Drawn, bool]], size: int
) -> Generator[list[tuple[Drawn, bool]], None, None]:
    """Items in groups with `size` frames that the network is to see; what is left before an error too."""
    group: list[tuple[Drawn, bool]] = []
    truncated = list[TruncatedError]()
    for item in whole(drawn, truncated):
        group.append(item)
        if sum(seen for _, seen in group) == size:
            yield group
            group = []
    if group:
        yield group
    for error in truncated:
        raise error
