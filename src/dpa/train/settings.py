"""Settings of a training run: one YAML file holds both stages (`dpa/configs`)."""

import math
from dataclasses import dataclass, field
from typing import Any

from dpa.errors import InputError
from dpa.train.data.augment import AugmentSettings

OPTIMISERS = ("adam", "adamw")
RANDOM = "random"
"""`encoder_weights` of an encoder that learns from nothing."""


@dataclass
class DataSettings:
    """Where the data lie, in METHOD.md's layout; relative paths are relative to the working directory.

    Attributes:
        stills: folder with RGB and GT of still images; in stage 2 a picture's flow is read from FLOW beside
            them, where it is there (made flow, FakeFlow's say), and synthetic where not.
        videos: folder with RGB, GT and FLOW of videos (stage 2).
        validation: folder of sequences for choosing the best weights; they are never trained on.
        extra: another one, from which every epoch draws as many frames as `videos` has, anew each time (the
            paper's YouTube-VOS).
        held_out: about every n-th still is left out, by the hash of its name (`dpa.datasets.held_out`), for
            `benchmarks/failure_kinds.py`; 0 for none.
        cache: GiB of decoded pictures that are read before the training starts and kept; workers share them.

    Example:
        >>> DataSettings(videos="DAVIS_train", validation="DAVIS_dev").stills is None
        True
    """

    stills: str | None = None
    videos: str | None = None
    validation: str | None = None
    extra: str | None = None
    held_out: int = 0
    cache: float = 0.0


@dataclass
class StageSettings:
    """One stage of the training.

    Attributes:
        iterations: length of the run.
        epochs: its length in epochs instead, see `Batches.epoch`; 0 for `iterations`.
        groups, views: a batch is `groups` videos or stills with `views` pictures of each, over all devices.
        accumulate: parts that a device's share of the batch is computed in, one after the other.
        shared: every view is a query and the others of its group are its references; False (paper): the
            first view is the query, the others only references, drawn from all frames of its video.
        still_share: share of the groups that are stills with synthetic flow (stage 2).
        paste: share of the groups that have another still's object pasted in (stage 2).
        bars: share of the groups that have bars in front of the object or behind it (stage 2).
        crowd: share of the groups that have one to three more objects at rest in them (stage 2).
        estimated: share of the groups of stills whose flow is DIS's to a made second frame instead of drawn
            from the motion of the synthetic flow (stage 2).
        lost: share of the views whose flow tells nothing of the object, never all of a group: what the object
            is, they must read from their references (stage 2).
        frame_flow: share of the groups whose motion stream sees the frames themselves instead of flow, as TMO
            trains: what `--flow none` wants (stage 2).
        sizes: (H, W) of the batches, one is drawn for each.
        optimiser: "adam" or "adamw".
        lr: learning rate at the start, cosine to `lr_end` per iteration.
        lr_encoder: the encoders' learning rate as a share of `lr`.
        warmup: iterations over which the rate rises to `lr`.
        weight_decay: AdamW's.
        bce: weight of the binary cross entropy beside the soft IoU loss (paper: 0).
        boundary: extra weight of the cross entropy near the object's border.
        clip: largest norm of the gradient; 0 for none.
        ema: decay of the running mean of the weights that is kept and validated; 0 for none.
        freeze: appearance stages, counted from the first, that are not trained.
        freeze_norm: batch norm keeps the statistics that it came with, and uses them: where a device's share
            of the batch is too few pictures for statistics of its own.
        teacher: weights, by name, folder, file or hub id, whose answers are learnt beside the masks; None for
            the masks alone (distillation: Hinton et al., 2015).
        teacher_share: share of the teacher's probabilities in what is learnt, the masks are the rest.
        teacher_features: weight of the difference between the appearance streams' stage 4 and the teacher's
            (Romero et al., FitNets, 2015), which must have the same channels; 0 for none. Wants `shared`.

    Example:
        >>> StageSettings(still_share=1.5).check("finetune", references=True)
        Traceback (most recent call last):
        dpa.errors.InputError: finetune.still_share must be in [0, 1], not 1.5
    """

    iterations: int = 1000
    epochs: int = 0
    groups: int = 12
    views: int = 1
    accumulate: int = 1
    shared: bool = False
    still_share: float = 0.0
    paste: float = 0.0
    bars: float = 0.0
    crowd: float = 0.0
    estimated: float = 0.0
    lost: float = 0.0
    frame_flow: float = 0.0
    sizes: list[list[int]] = field(default_factory=lambda: [[s, s] for s in (384, 416, 448, 480, 512)])
    optimiser: str = "adam"
    lr: float = 1e-4
    lr_end: float = 1e-5
    lr_encoder: float = 1.0
    warmup: int = 0
    weight_decay: float = 0.0
    bce: float = 0.0
    boundary: float = 0.0
    clip: float = 0.0
    ema: float = 0.0
    freeze: int = 0
    freeze_norm: bool = False
    teacher: str | None = None
    teacher_share: float = 0.5
    teacher_features: float = 0.0

    def check(self, name: str, *, references: bool) -> None:
        """Find what no run can work with before it starts.

        Args:
            name: of the stage, for the messages.
            references: the network reads reference frames (IFA).

        Raises:
            InputError: names the setting and what it must be.
        """
        sizes = bool(self.sizes) and all(len(s) == 2 and min(s) >= 32 for s in self.sizes)
        _check(
            self,
            f"{name}.",
            {
                "at least 1": _over(1, self, "iterations", "accumulate", "groups", "views"),
                "0 or more": _over(0, self, *_NOT_NEGATIVE),
                "above 0": {"lr": 0 < self.lr < math.inf},
                "in [0, 1]": _shares(self, *_SHARES),
                "in [0, 1)": {"ema": 0 <= self.ema < 1},
                "a list of [height, width], both at least 32": {"sizes": sizes},
                f"one of {', '.join(OPTIMISERS)}": {"optimiser": self.optimiser in OPTIMISERS},
            },
        )
        if references and not self.shared and self.views < 2:
            raise InputError(
                f"{name}.views must be at least 2: the first view is the query, the others are its references"
                f" (or set {name}.shared=true)"
            )
        if self.teacher_features and not self.shared:
            raise InputError(f"{name}.teacher_features compares all views of a group: set {name}.shared=true")


_SHARES = ("still_share", "paste", "bars", "crowd", "estimated", "lost", "frame_flow", "teacher_share")
_NOT_NEGATIVE = (
    *("epochs", "lr_end", "lr_encoder", "warmup", "weight_decay", "bce", "boundary", "clip", "freeze"),
    "teacher_features",
)


@dataclass
class TrainSettings:
    """A run.

    Attributes:
        model: name of the network, one of `dpa models`.
        changes: settings of the network that differ from the named one's.
        encoder_weights: safetensors file in timm's names; None for timm's own ImageNet weights, "random" for
            none.
        data, augment, pretrain, finetune: see their classes.
        seed: of everything random.
        threads: of torch on a CPU; 0 leaves torch's choice.
        workers: processes that make batches, for each device.
        devices, nodes: how many devices of a machine, and how many machines.
        precision: "32", "bf16" or "16": mixed precision, weights and optimiser stay in float32.
        compile: compile the network with torch.compile.
        save_minutes: time between checkpoints.
        validate_every: iterations between validations; 0 for the end only.
        validate_epochs: epochs between them instead; 0 for `validate_every`.
        validate_stride: of the validation videos every n-th frame counts.

    Example:
        >>> from dpa.config import load
        >>> settings = load(TrainSettings, "mobile", ["data.stills=STILLS", "seed=3"])
        >>> settings.model, settings.data.stills, settings.seed
        ('dpa-mobile', 'STILLS', 3)
    """

    model: str = "dpa-vgg16"
    changes: dict[str, Any] = field(default_factory=dict)
    encoder_weights: str | None = None
    data: DataSettings = field(default_factory=DataSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    pretrain: StageSettings = field(default_factory=StageSettings)
    finetune: StageSettings = field(default_factory=StageSettings)
    seed: int = 0
    threads: int = 0
    workers: int = 1
    devices: int = 1
    nodes: int = 1
    precision: str = "32"
    compile: bool = False
    save_minutes: float = 5.0
    validate_every: int = 0
    validate_epochs: int = 0
    validate_stride: int = 6

    def check(self) -> None:
        """Find what neither stage can work with before it starts.

        Raises:
            InputError: names the setting and what it must be.
        """
        counts = ("seed", "threads", "workers", "save_minutes", "validate_every", "validate_epochs")
        _check(
            self,
            "",
            {
                "0 or more": _over(0, self, *counts),
                "at least 1": _over(1, self, "devices", "nodes", "validate_stride"),
            },
        )
        _check(self.data, "data.", {"0 or more": _over(0, self.data, "held_out", "cache")})
        shares = ("flip", "crop", "rotate", "leave", "grey", "blur", "hues")
        _check(
            self.augment,
            "augment.",
            {
                "0 or more": _over(0, self.augment, "border", "angle"),
                "in [0, 1]": _shares(self.augment, *shares),
            },
        )


def _over(least: int, of: object, *names: str) -> dict[str, bool]:
    """Which of these settings are numbers of at least so much: not infinite, and not NaN."""
    return {name: least <= getattr(of, name) < math.inf for name in names}


def _shares(of: object, *names: str) -> dict[str, bool]:
    return {name: 0 <= getattr(of, name) <= 1 for name in names}


def _check(of: object, prefix: str, rules: dict[str, dict[str, bool]]) -> None:
    """Raise InputError for the first setting that is not what its rule says it must be."""
    for must_be, fine in rules.items():
        for name, is_fine in fine.items():
            if not is_fine:
                raise InputError(f"{prefix}{name} must be {must_be}, not {getattr(of, name)!r}")
