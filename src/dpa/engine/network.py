"""A network at work on a video: frames and flow pictures in, prototypes and probabilities out."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dpa.arrays import Image, Images, Probability
from dpa.backends import Backend, Memory, Seen
from dpa.device import cores
from dpa.engine.carried import Carried
from dpa.engine.config import DINOV2, OFF, SegmenterConfig
from dpa.engine.frame_data import FrameData
from dpa.engine.mirror import is_mirrored, mirror, mirror_back
from dpa.engine.references import Inputs, Reference, References, Reservoir
from dpa.engine.target import Target
from dpa.engine.threads import Clock
from dpa.model.appearance import Appearance, appearance
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
        dinov2_every: DINOv2 looks at the first of every so many frames for it; 1: at all, or at none.
    """

    def __init__(self, backend: Backend, config: SegmenterConfig) -> None:
        self.backend = backend
        inside = backend.config.dinov2
        self.dinov2_every = config.dinov2_every if inside else 1
        # Features that a target is learnt from are a frame's own: not what is carried to it.
        self._beside = config.target == DINOV2 and not inside
        seen = self._beside or (inside and self.dinov2_every == 1)
        self._strength = _WITH_DINOV2 if seen else _OWN
        self._config = config.for_network(backend.config)

    @property
    def batch(self) -> int:
        """Frames that it sees at once at most."""
        return self.backend.batch

    def inputs(self, image: Image, picture: Image) -> Inputs:
        """A frame and its flow picture, (H, W, 3) uint8, at the working size."""
        size = self._config.working_size(image.shape[:2])
        return Inputs(fit(image, size), fit(picture, size))

    def carried(self, *, causal: bool = False) -> Carried | None:
        """DINOv2's features for frames of a video that come in order; None where it looks at all, or none.

        Args:
            causal: see `Carried`.
        """
        if self.dinov2_every == 1:
            return None
        return Carried(self._appearance, self.dinov2_every, causal=causal)

    @property
    def _appearance(self) -> Appearance:
        return appearance(self._config.threads or cores())

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
        self,
        frames: Iterable[FrameData],
        together: int,
        references: References | Reservoir,
        clock: Clock,
        carried: Carried | None = None,
    ) -> Generator[FrameData, None, None]:
        """Give frames the network's probabilities: those that are `wanted`; the others pass as they are.

        Args:
            frames: in order.
            together: frames it sees at once; one where references are gathered on the way.
            references: of the video, or where they are gathered.
            clock: times it.
            carried: DINOv2's features, where it does not look at all of them.
        """
        for group in _grouped(frames, 1 if isinstance(references, Reservoir) else together):
            with clock.time("network"):
                inputs = [*self._shown(group, carried)]
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

    def _shown(self, group: list[FrameData], carried: Carried | None) -> Iterator[Inputs]:
        """The inputs of the frames that are wanted."""
        for data in group:
            shown = self.inputs(data.frame.image, data.picture) if data.wanted else None
            dinov2 = None if carried is None else carried.next(data, shown and shown.image)
            if shown is not None:
                yield shown._replace(dinov2=dinov2)

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
        """What the network says of frames, with features that a target is learnt from where they are wanted.

        Args:
            mirrored: for each frame, whether it is shown to the network mirrored; none by default.
        """
        mirrored = mirrored or [False] * len(inputs)
        shown = [mirror(pair) if turn else pair for pair, turn in zip(inputs, mirrored, strict=True)]
        own = features and self.backend.has_features
        images, pictures, dinov2 = _stacked(shown)
        seen = self.backend(images, pictures, memory, remember=remember, features=own, dinov2=dinov2)
        seen = mirror_back(seen, mirrored) if any(mirrored) else seen
        if self.dinov2_every > 1:
            return seen._replace(features=[mine[:-1] for mine in seen.features])
        if not features or not self._beside:
            return seen
        found = zip(seen.features or [()] * len(inputs), inputs, strict=True)
        return seen._replace(features=[[*mine, self._appearance(one.image)] for mine, one in found])

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


def _stacked(inputs: list[Inputs]) -> tuple[Images, Images, list[NDArray[np.float32]] | None]:
    images, pictures = np.stack([one.image for one in inputs]), np.stack([one.picture for one in inputs])
    dinov2 = [one.dinov2 for one in inputs if one.dinov2 is not None]
    return images, pictures, dinov2 or None


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
