"""A network at work on a video: frames and flow pictures in, prototypes and probabilities out."""

from collections.abc import Generator, Iterable
from dataclasses import replace

import numpy as np

from dpa.arrays import Image, Probabilities
from dpa.backends import Backend, Memory
from dpa.engine.config import SegmenterConfig
from dpa.engine.frame_data import FrameData
from dpa.engine.references import Inputs, Reservoir
from dpa.engine.threads import Clock
from dpa.model.size import fit


class Network:
    """A backend at a working size.

    Args:
        backend: the network.
        config: says at which size.

    Attributes:
        backend: the same.
    """

    def __init__(self, backend: Backend, config: SegmenterConfig) -> None:
        self.backend, self._config = backend, config.for_network(backend.config)

    @property
    def batch(self) -> int:
        """Frames that it sees at once at most."""
        return self.backend.batch

    def inputs(self, image: Image, picture: Image) -> Inputs:
        """A frame and its flow picture, (H, W, 3) uint8, at the working size."""
        size = self._config.working_size(image.shape[:2])
        return fit(image, size), fit(picture, size)

    def remember(self, inputs: list[Inputs]) -> list[Memory]:
        """Frames' own prototypes."""
        blank, size = Memory.blank(self.backend.config), self.backend.batch
        groups = (inputs[start : start + size] for start in range(0, len(inputs), size))
        return [own for group in groups for own in self._apply(group, blank, remember=True)[1]]

    def probabilities(
        self, frames: Iterable[FrameData], together: int, references: Memory | Reservoir, clock: Clock
    ) -> Generator[FrameData, None, None]:
        """Give frames the network's probabilities: those that are `wanted`; the others pass as they are.

        Args:
            frames: in order.
            together: frames it sees at once; one where references are gathered on the way.
            references: prototypes of the reference frames, or where those of the frames are gathered.
            clock: times it.
        """
        for group in _grouped(frames, 1 if isinstance(references, Reservoir) else together):
            with clock.time("network"):
                inputs = [self.inputs(data.frame.image, data.picture) for data in group if data.wanted]
                if not inputs:  # the rest of a long shot's part, behind the last frame that is wanted in it
                    small = np.empty((0, 0, 0), np.float32)
                elif isinstance(references, Reservoir):
                    memory = references.memory or self.remember(inputs)[0]
                    small, own = self._apply(inputs, memory, remember=True)
                    references.add(own[0])
                else:
                    small, _ = self._apply(inputs, references)
            probabilities = iter(small)
            for data in group:
                yield replace(data, probability=next(probabilities)) if data.wanted else data

    def _apply(
        self, inputs: list[Inputs], memory: Memory, *, remember: bool = False
    ) -> tuple[Probabilities, list[Memory]]:
        images, pictures = (np.stack(arrays) for arrays in zip(*inputs, strict=True))
        return self.backend(images, pictures, memory, remember=remember)


def _grouped(frames: Iterable[FrameData], size: int) -> Generator[list[FrameData], None, None]:
    """Items in groups with `size` frames that the network is to see, fewer in the last."""
    group: list[FrameData] = []
    for data in frames:
        group.append(data)
        if sum(one.wanted for one in group) == size:
            yield group
            group = []
    if group:
        yield group
