"""The settings of a segmentation, in one place; no heavy imports, so that `--help` stays quick."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from dpa.config import nearest
from dpa.errors import InputError
from dpa.weights.registry import BASE, DEFAULT

if TYPE_CHECKING:
    from dpa.model.config import DPAConfig

OF_MASKS = (
    "references",
    "size",
    "keep_aspect",
    "threshold",
    "normalise",
    "smooth",
    "refine",
    "target",
    "dinov2_every",
    "mirror",
    "every",
    "shots",
    "precision",
)
"""Settings that decide what masks look like; weights and flow do too, and have records of their own."""

OFF = "off"
AUTO, DINOV2 = "auto", "dinov2"
REFINE, TARGET = (AUTO, OFF), (AUTO, DINOV2, OFF)
ALPHA = ("refined", "ramp")

QUALITY: dict[str, dict[str, Any]] = {
    "fast": {"model": DEFAULT, "every": 2, "target": "auto"},
    "good": {"model": DEFAULT, "every": 1, "target": "auto"},
    "best": {"model": BASE, "every": 1, "target": "dinov2"},
}
"""Words for several settings, see `worded`: speed against accuracy (docs/performance.md)."""


def worded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the word `quality`, where it is among them, replaced by what it stands for; others win.

    Raises:
        InputError: an unknown word.

    Example:
        >>> worded({"quality": "best", "size": 256})
        {'model': 'dpa-base', 'every': 1, 'target': 'dinov2', 'size': 256}
    """
    others = dict(settings)
    if "quality" not in others:
        return others
    word = others.pop("quality")
    if word not in QUALITY:
        raise InputError(f"unknown quality {word!r}: choose {', '.join(QUALITY)}")
    return QUALITY[word] | others


_LARGEST = 8192
"""Pixels of a side: the widest video that cameras write, 8K, has 7680."""
_STRONGEST = 1000
"""Of smoothing: sums in single precision stay far from overflow."""
_KINDS = {
    (Integral, "a whole number"): ("references", "size", "flow_size", "every", "dinov2_every", "threads"),
    (Real, "a number"): ("threshold", "flow_floor", "smooth"),
    (bool, "True or False"): ("keep_aspect", "normalise", "mirror", "compiled"),
    (str, "a word"): ("model", "flow", "refine", "target", "alpha", "shots", "precision", "device"),
}
_OPTIONAL = {"references", "size", "flow_size", "keep_aspect"}


@dataclass(frozen=True)
class SegmenterConfig:
    """How videos are segmented: for the Python API, the command line, `dpa bench` and all summaries.

    Attributes:
        model: name of a network (`dpa models`).
        weights: a file or folder instead of the weights that go by that name.
        size: working size, pixels, 64 to 8192, see `dpa.model.config.DPAConfig.size`; None for the network's
            own.
        keep_aspect: False squeezes every frame into a square (paper), True keeps its aspect ratio; None for
            the network's own choice.
        references: reference frames of a video, at least 1; None for the network's own number.
        flow: name of an estimator, see `dpa.flow.estimator.choose`; "none" gives the motion stream the frame
            itself, as TMO does: for networks trained so, see docs/training.md.
        flow_size: longer side of the pictures that flow is computed from, pixels, 16 to 8192; None for the
            frame's own size.
        flow_floor: least motion, in pixels of the frame, that is drawn in full colour; keeps the noise of
            near-static frames pale.
        threshold: of the probability, for the binary mask; above 0, below 1.
        normalise: stretch every frame's probabilities, at the frame's size, to [0, 1] first, as the paper's
            release does; an object is then found in every frame, empty ones too.
        smooth: weight of the frames beside a frame, moved along the flow, in the mean with its own
            probability (`dpa.engine.propagation.smoothed`), up to 1000; 0 for none, as in the paper. Frames
            whose flow pictures are given are left alone.
        refine: "auto" decides weak regions as a whole (`dpa.engine.regions`) and puts the edge where the
            frame's colours change (`dpa.engine.refine`); "off" leaves masks as the network gives them.
        target: "auto" learns from the reference frames' masks what the object of the video looks like, and
            moves probabilities towards that (`dpa.engine.target`), wherever the network gives its features;
            "dinov2" looks at features of DINOv2 beside them (`dpa.model.appearance`), better and slower;
            "off" leaves them as they are, as in the paper.
        dinov2_every: for a network that looks at DINOv2's features (dpa-base), DINOv2 sees the first of every
            n frames; its features move along the flow to those that follow (`dpa.engine.carried`), and the
            target is learnt without them. Frames whose flow is not known are all seen.
        alpha: of cut-outs: "refined", or "ramp" for a ramp over the probability, half-transparent where the
            network doubts. Without refinement it is the ramp.
        mirror: the network sees every second frame mirrored (`dpa.engine.mirror`): its errors there are
            others than in the frames beside, and smoothing takes more of them out, at no cost. Frames whose
            flow pictures are given, and those of live input, are seen as they are.
        every: the network sees every n-th frame, the first and the last; the masks between are propagated
            along the flow (`dpa.engine.propagation`). Faster, less exact; masks come up to
            n * `Backend.batch` frames late.
        shots: flow, propagation and smoothing do not cross cuts (`dpa.engine.shots`): "auto" finds them,
            "off" takes all for one shot, a file lists where shots start, see `dpa.video.shots.read_cuts`.
        device: "auto", "cpu", "cuda", "cuda:INDEX" or "mps", see `dpa.device.pick_device`.
        precision: of the network, see `dpa.backends.open_backend`.
        compiled: run the network through torch.compile, see `dpa.backends.open_backend`.
        threads: of the network on a CPU; 0 for one per core.

    Raises:
        InputError: a value out of its range, or an unknown word.

    Example:
        >>> SegmenterConfig(size=256).changed({"every": 2}).of_masks()["every"]
        2
    """

    model: str = DEFAULT
    weights: str | Path | None = None
    size: int | None = None
    keep_aspect: bool | None = None
    references: int | None = None
    flow: str = "auto"
    flow_size: int | None = 384
    flow_floor: float = 0.0
    threshold: float = 0.5
    normalise: bool = False
    smooth: float = 0.5
    refine: str = "auto"
    target: str = "auto"
    dinov2_every: int = 1
    alpha: str = "refined"
    mirror: bool = True
    every: int = 1
    shots: str = "off"
    device: str = "auto"
    precision: str = "auto"
    compiled: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        # Here, as they bring NumPy along.
        from dpa.backends import PRECISIONS
        from dpa.flow.estimator import NONE, choose

        self._check_kinds()
        if not 0 < self.threshold < 1:
            raise InputError(f"the threshold must lie between 0 and 1, not {self.threshold}")
        if self.references is not None and self.references < 1:
            raise InputError(f"at least one reference frame is needed, not {self.references}")
        if self.size is not None and self.size < 64:
            raise InputError(f"the working size must be at least 64 pixels, not {self.size}")
        for name, side in (("working size", self.size), ("flow's size", self.flow_size)):
            if side is not None and side > _LARGEST:
                raise InputError(f"the {name} can be {_LARGEST} pixels at most, not {side}")
        if self.flow_size is not None and self.flow_size < 16:
            raise InputError(f"the flow's size must be at least 16 pixels, not {self.flow_size}")
        if not (self.flow_floor >= 0 and isfinite(self.flow_floor)):
            raise InputError(f"the flow's floor must be 0 pixels or more, not {self.flow_floor}")
        if not (self.smooth >= 0 and isfinite(self.smooth)):
            raise InputError(f"the weight for smoothing must be 0 or more, not {self.smooth}")
        if self.smooth > _STRONGEST:
            raise InputError(f"the weight for smoothing can be {_STRONGEST} at most, not {self.smooth}")
        for name, words in (("refine", REFINE), ("target", TARGET), ("alpha", ALPHA)):
            if getattr(self, name) not in words:
                choice = f"{', '.join(words[:-1])} or {words[-1]}"
                raise InputError(f"unknown {name} {getattr(self, name)!r}: choose {choice}")
        if self.every < 1:
            raise InputError(f"the network can see every frame (1) or every n-th, not every {self.every}")
        if self.dinov2_every < 1:
            raise InputError(f"DINOv2 can see every frame (1) or one of n, not one of {self.dinov2_every}")
        if self.dinov2_every > 1 and self.target == DINOV2:
            raise InputError(
                "target dinov2 wants features of every frame: leave dinov2_every at 1, or target at auto"
            )
        if self.threads < 0:
            raise InputError(f"threads must be 1 or more, or 0 for one per core, not {self.threads}")
        if self.precision not in PRECISIONS:
            raise InputError(f"unknown precision {self.precision!r}: choose one of {', '.join(PRECISIONS)}")
        choose(self.flow)
        if self.flow == NONE and self.every > 1:
            raise InputError(f"masks cannot be propagated without flow: leave out --every, or --flow {NONE}")

    def _check_kinds(self) -> None:
        for (kind, words), names in _KINDS.items():
            for name in names:
                value = getattr(self, name)
                if not isinstance(value, kind) and not (value is None and name in _OPTIONAL):
                    raise InputError(f"{name} must be {words}, not {value!r}")

    @property
    def name(self) -> str:
        """What the network is called: by its own name, or by the file of its weights."""
        return self.model if self.weights is None else str(self.weights)

    def changed(self, settings: Mapping[str, Any]) -> "SegmenterConfig":
        """The same with other settings; `quality` stands for some of them, see `worded`.

        Raises:
            InputError: no such setting, or a value that cannot be.
        """
        settings, known = worded(settings), [field.name for field in fields(self)]
        for name in settings:
            if name not in known:
                raise InputError(f"there is no setting {name!r}{nearest(name, known)}")
        return replace(self, **settings)

    def for_network(self, own: "DPAConfig") -> "SegmenterConfig":
        """The same with the network's own choice of what was left to it: references, size and keep_aspect."""
        return replace(
            self,
            references=self.references or own.references,
            size=self.size or own.size,
            keep_aspect=own.keep_aspect if self.keep_aspect is None else self.keep_aspect,
        )

    def working_size(self, frame: tuple[int, int]) -> tuple[int, int]:
        """(H, W) of the network's input for a frame of a size, see `dpa.model.size.working_size`.

        Raises:
            InputError: it was left to the network, see `for_network`.
        """
        from dpa.model.size import working_size

        if self.size is None or self.keep_aspect is None:
            raise InputError("size and keep_aspect are the network's own: call for_network first")
        return working_size(frame, self.size, self.keep_aspect)

    def of_masks(self) -> dict[str, Any]:
        """The settings `OF_MASKS`, as JSON values: those of one folder of masks are of one kind."""
        return {name: getattr(self, name) for name in OF_MASKS}


class Settings(TypedDict, total=False):
    """The settings of `SegmenterConfig`, and `quality`, as keywords of a call; a test holds them together."""

    quality: str

    model: str
    weights: str | Path | None
    size: int | None
    keep_aspect: bool | None
    references: int | None
    flow: str
    flow_size: int | None
    flow_floor: float
    threshold: float
    normalise: bool
    smooth: float
    refine: str
    target: str
    dinov2_every: int
    alpha: str
    mirror: bool
    every: int
    shots: str
    device: str
    precision: str
    compiled: bool
    threads: int
