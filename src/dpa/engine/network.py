"""A network at work on a video: frames and flow pictures in, prototypes and probabilities out."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace

import numpy as np

from dpa.arrays import Image, Images, Probability
from dpa.backends import Backend, Memory, Seen
from dpa.engine.config import DINOV2, OFF, SegmenterConfig
from dpa.engine.frame_data import FrameData
from dpa.engine.mirror import is_mirrored, mirror, mirror_back
from dpa.engine.references import Inputs, Reference, References, Reservoir
from dpa.engine.target import Target
from dpa.engine.threads import Clock
from dpa.model.appearance import appearance
from dpa.model.size import fit

# Of the target's correction, see `Target.applied`: the better the features, the more they are worth.
_OWN, _WITH_DINOV2 = 3.0, 4.0


class Network:
    """A backend at a working size.

    Args:
        backend: the network.
        config: says at which size.

    Attributes:
        backend: the network.
    """

    def __init__(self, backend: Backend, config: SegmenterConfig) -> None:
        self.backend = backend
        inside, beside = backend.config.dinov2, config.target == DINOV2
        self._appearance = appearance(config.threads) if beside and not inside else None
        self._strength = _WITH_DINOV2 if beside or inside else _OWN
        self._config = config.for_network(backend.config)

    @property
    def batch(self) -> int:
        """Frames that it sees at once at most."""
        return self.backend.batch

    def inputs(self, image: Image, picture: Image) -> Inputs:
        """A frame and its flow picture, (H, W, 3) uint8, at the working size."""
        size = self._config.working_size(image.shape[:2])
        return fit(image, size), fit(picture, size)

    @property
    def refers(self) -> bool:
        """Whether it wants reference frames."""
        return self.backend.config.ifa or self._with_target

    @property
    def _with_target(self) -> bool:
        return self._config.target != OFF

    def remember(self, inputs: list[Inputs]) -> list[Reference]:
        """What it says of frames without references."""
        size = self.backend.batch
        groups = (inputs[start : start + size] for start in range(0, len(inputs), size))
        return [part for group in groups for part in self._remembered(group, self._blank)]

    def start(self) -> "References | Reservoir":
        """References of a video that is gone through once, before its first frame."""
        assert self._config.references is not None
        return Reservoir(self._config.references) if self.refers else References(self._blank)

    def probabilities(
        self, frames: Iterable[FrameData], together: int, references: References | Reservoir, clock: Clock
    ) -> Generator[FrameData, None, None]:
        """Give frames the network's probabilities: those that are `wanted`; the others pass as they are.

        Args:
            frames: in order.
            together: frames it sees at once; one where references are gathered on the way.
            references: of the video, or where they are gathered.
            clock: times it.
        """
        for group in _grouped(frames, 1 if isinstance(references, Reservoir) else together):
            with clock.time("network"):
                inputs = [self.inputs(data.frame.image, data.picture) for data in group if data.wanted]
                if not inputs:  # the rest of a long shot's part, behind the last frame that is wanted in it
                    small: list[Probability] = []
                elif isinstance(references, Reservoir):
                    small = [self._gathered(inputs, references)]
                else:
                    mirrored = [self._is_mirrored(data) for data in group if data.wanted]
                    wanted = references.target is not None
                    seen = self._see(inputs, references.memory, features=wanted, mirrored=mirrored)
                    small = self._corrected(seen, references.target)
            probabilities = iter(small)
            for data in group:
                yield replace(data, probability=next(probabilities)) if data.wanted else data

    def _gathered(self, inputs: list[Inputs], reservoir: Reservoir) -> Probability:
        """One frame, which becomes a reference itself: it is corrected as those after it are."""
        known = reservoir.references
        memory = self.remember(inputs)[0].memory if known is None else known.memory
        (part,) = self._remembered(inputs, memory)
        reservoir.add(part)
        known = reservoir.references
        if known is None or known.target is None:
            return part.probability
        return known.target.applied(part.probability, part.features, self._strength)

    def _is_mirrored(self, data: FrameData) -> bool:
        return self._config.mirror and is_mirrored(data, self._config.every)

    def _see(
        self,
        inputs: list[Inputs],
        memory: Memory,
        *,
        remember: bool = False,
        features: bool,
        mirrored: Sequence[bool] = (),
    ) -> Seen:
        """What the network says of frames, with DINOv2's features as the coarsest where they are wanted.

        Args:
            mirrored: for each frame, whether it is shown to the network mirrored; none by default.
        """
        mirrored = mirrored or [False] * len(inputs)
        shown = [mirror(pair) if turn else pair for pair, turn in zip(inputs, mirrored, strict=True)]
        own = features and self.backend.has_features
        seen = self.backend(*_stacked(shown), memory, remember=remember, features=own)
        seen = mirror_back(seen, mirrored) if any(mirrored) else seen
        if not features or self._appearance is None:
            return seen
        found = zip(seen.features or [()] * len(inputs), inputs, strict=True)
        return seen._replace(features=[[*mine, self._appearance(image)] for mine, (image, _) in found])

    def _corrected(self, seen: Seen, target: Target | None) -> list[Probability]:
        if target is None:
            return [*seen.probability]
        of_frames = zip(seen.probability, seen.features, strict=True)
        return [target.applied(*of_frame, self._strength) for of_frame in of_frames]

    @property
    def _blank(self) -> Memory:
        return Memory.blank(self.backend.config)

    def _remembered(self, inputs: list[Inputs], memory: Memory) -> list[Reference]:
        seen = self._see(inputs, memory, remember=True, features=self._with_target)
        n = len(inputs)
        parts = zip(seen.own or [memory] * n, seen.probability, seen.features or [()] * n, strict=True)
        return [Reference(*part) for part in parts]


def _stacked(inputs: list[Inputs]) -> tuple[Images, Images]:
    images, pictures = (np.stack(arrays) for arrays in zip(*inputs, strict=True))
    return images, pictures


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
