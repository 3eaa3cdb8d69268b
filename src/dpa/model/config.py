"""Settings of the network, and the named models."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_origin

from dpa.config import nearest
from dpa.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def _is_whole(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_rgb(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(isinstance(v, int | float) for v in value)


# By a field's type: what its values must be, and how to say so.
_KINDS: dict[Any, tuple[Callable[[Any], bool], str]] = {
    int: (_is_whole, "a whole number above 0"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    str: (lambda value: isinstance(value, str), "a name"),
    tuple: (_is_rgb, "three numbers"),
}


@dataclass(frozen=True)
class DPAConfig:
    """Everything that decides the network's shape and how its inputs are made.

    Attributes:
        encoder: one of `dpa.model.encoder.ENCODERS`.
        folded: the encoders' batch norms are folded into their convolutions: nothing to keep in
            evaluation mode while training on small batches.
        dim: D, the number of prototypes and their dimension (paper: 128).
        width: channels of the decoder's levels 4 to 6 (paper: 128).
        refine_squeeze: channels of an appearance stage in a refinement step (paper: 64).
        refine_width: channels that travel up through the refinement steps (paper: 32).
        neighbours: k of EdgeConv's graph (paper: 10).
        raw_residual: the attention among the prototypes adds to them as they came (paper); False: to them
            normalised, as `dpa-mobile` learnt it.
        motion: two streams; False is stage 1 of the training, appearance only.
        ima: inter-modality attention on stages 4 and 5.
        ifa: inter-frame attention on stage 5.
        ifa_value: what IFA reads: "value", prototypes of V, or "key", those of K once more, as the official
            release has it (paper: V).
        dinov2: features of DINOv2, which is not trained, beside stage 4 of the appearance stream (not in
            the paper; `dpa.model.appearance`).
        mean, std: normalisation of the picture in [0, 1], per channel.
        normalise_flow: apply mean and std to the flow picture too (paper: no).
        size: pixels of the side of the square that the network works on; the area is what counts
            when `keep_aspect` is set.
        keep_aspect: resize to the same area as size x size at the frame's own aspect ratio
            (paper: no, a square).
        references: N, reference frames of a video (paper: 4).
    """

    encoder: str = "vgg16"
    folded: bool = False
    dim: int = 128
    width: int = 128
    refine_squeeze: int = 64
    refine_width: int = 32
    neighbours: int = 10
    raw_residual: bool = True
    motion: bool = True
    ima: bool = True
    ifa: bool = True
    ifa_value: str = "value"
    dinov2: bool = False
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    normalise_flow: bool = False
    size: int = 512
    keep_aspect: bool = False
    references: int = 4

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            fits, wanted = _KINDS[get_origin(f.type) or f.type]
            if not fits(value):
                raise InputError(f"setting {f.name!r} of the network is {value!r}: it must be {wanted}")
        if self.dim < 2:
            raise InputError("setting 'dim' of the network must be at least 2: attention halves it")
        if self.ifa_value not in ("value", "key"):
            raise InputError(
                f"setting 'ifa_value' of the network is {self.ifa_value!r}: it must be 'value' or 'key'"
            )
        if self.neighbours > self.dim:
            raise InputError(
                f"setting 'neighbours' of the network is {self.neighbours}, "
                f"but there are only {self.dim} prototypes ('dim')"
            )

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DPAConfig":
        """Settings from JSON values.

        Raises:
            InputError: a key that is not a setting (the message suggests the nearest one), or a value of a
                wrong type.
        """
        return cls(**cls._known(values))

    def changed(self, values: dict[str, Any]) -> "DPAConfig":
        """These settings with some replaced; errors as `from_dict`."""
        return replace(self, **self._known(values))

    @classmethod
    def _known(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise InputError(f"the network's settings are names with values, not {values!r}")
        names = [f.name for f in fields(cls)]
        for key in values:
            if key not in names:
                raise InputError(f"unknown setting {key!r} of the network{nearest(key, names)}")
        return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


_MOBILE = DPAConfig(
    encoder="mobilenetv2_100",
    folded=True,
    dim=64,
    width=64,
    refine_squeeze=24,
    refine_width=24,
    raw_residual=False,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    normalise_flow=True,
    size=384,
    keep_aspect=True,
)

# What the encoder was trained on: (x - 127) / 128 of bytes x.
_MIDDLE, _HALF = 127 / 255, 128 / 255
_LITE0 = replace(
    _MOBILE,
    encoder="tf_efficientnet_lite0",
    raw_residual=True,
    mean=(_MIDDLE, _MIDDLE, _MIDDLE),
    std=(_HALF, _HALF, _HALF),
)

NAMED: dict[str, DPAConfig] = {
    "dpa-vgg16": DPAConfig(),
    "dpa-resnet101": DPAConfig(encoder="resnet101"),
    "dpa-pvt-b2": DPAConfig(encoder="pvt_v2_b2"),
    "dpa-mobile": _MOBILE,
    "dpa-lite0": _LITE0,
    "dpa-base": replace(_MOBILE, dinov2=True),
}


def named_config(name: str, **changes: Any) -> DPAConfig:
    """The settings of a named model, with changes.

    Raises:
        InputError: unknown name or setting.
    """
    if name not in NAMED:
        raise InputError(f"unknown model {name!r}{nearest(name, NAMED)}")
    return NAMED[name].changed(changes)
