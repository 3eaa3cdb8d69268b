"""What the engine knows of a network: NumPy in, NumPy out."""

from typing import NamedTuple, Protocol

import numpy as np

from dpa.arrays import Features, Images, Probabilities, Prototypes
from dpa.model.config import DPAConfig


class Memory(NamedTuple):
    """Prototypes of reference frames (K and V of every stream); see `dpa.model.dpa.References`.

    Attributes:
        key, value: (streams, N * D, D) float32.
    """

    key: Prototypes
    value: Prototypes

    @classmethod
    def join(cls, parts: "list[Memory]") -> "Memory":
        """Several frames' prototypes as one set of references."""
        return cls(
            np.concatenate([p.key for p in parts], axis=1), np.concatenate([p.value for p in parts], axis=1)
        )

    @classmethod
    def blank(cls, config: DPAConfig) -> "Memory":
        """One reference that says nothing: for the first run, whose own prototypes are all that is wanted."""
        shape = (2 if config.motion else 1, config.dim, config.dim)
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


class Seen(NamedTuple):
    """What a network says of frames.

    Attributes:
        probability: of the object, (B, h, w) float32 in [0, 1].
        own: the frames' own prototypes, one entry a frame; none where they are not wanted, or the network has
            no IFA.
        features: of the appearance encoder, one entry a frame, and DINOv2's last where the network looks at
            them; none where they are not wanted.
    """

    probability: Probabilities
    own: list[Memory]
    features: list[Features]


class Backend(Protocol):
    """A network ready to run.

    Attributes:
        name: "onnxruntime" or "torch".
        device: where it computes, e.g. "cpu", "cuda".
        precision: "fp32", "int8", "fp16" or "bf16".
        batch: frames that are best given at once.
        config: of the network; tells the working size and what inputs it wants.
        weights: the file in use.
        has_features: whether it can give features; an ONNX graph exported before it could has none.
    """

    name: str
    device: str
    precision: str
    batch: int
    config: DPAConfig
    weights: str
    has_features: bool

    def __call__(
        self,
        images: Images,
        flows: Images,
        references: Memory,
        *,
        remember: bool = False,
        features: bool = False,
        dinov2: Features | None = None,
    ) -> Seen:
        """Segment frames that have the same references.

        Args:
            images: (B, h, w, 3) uint8, RGB; h and w multiples of 32.
            flows: (B, h, w, 3) uint8, the flow pictures; not looked at by a network without a motion stream.
            references: prototypes of the reference frames; not looked at by a network without IFA.
            remember: the frames' own prototypes are wanted too.
            features: their features are.
            dinov2: what DINOv2 gives of each image, (384, y, x) float32; None to have it computed. Not looked
                at by a network without it.
        """
        ...
