"""What every flow estimator looks like from outside, and how one is chosen by name."""

import importlib.util
from pathlib import Path
from typing import Protocol

from dpa.arrays import Flow, Image
from dpa.errors import InputError
from dpa.flow.raft import RAFT, VARIANTS, cached_weights

NONE = "none"
"""No flow at all: the frame itself in the motion stream (TMO, Cho et al., WACV 2023)."""

#: What `make_estimator` knows; "auto" is decided by `choose`, which knows `NONE` too.
NAMES = ("auto", "dis", "dis-fast", "dis-ultrafast", *(f"raft-{variant}" for variant in VARIANTS))


class FlowEstimator(Protocol):
    """Two pictures in, the motion between them out.

    Attributes:
        name: the name by which `make_estimator` makes it.
        recipe: what somebody else needs to get the same flow: JSON values only.
    """

    name: str
    recipe: dict[str, object]

    def __call__(self, first: Image, second: Image) -> Flow:
        """Flow from `first` to `second`.

        Args:
            first: (H, W, 3) uint8, RGB.
            second: the same size.

        Returns:
            (H, W, 2) float32, x then y, in pixels of these pictures: what is at (x, y) in `first` is at
            (x + u, y + v) in `second`.
        """
        ...


def choose(name: str, device: str = "cpu") -> tuple[str, str]:
    """Decide what "auto" means here, and say why; imports no torch.

    RAFT where it is quick and ready: on a CUDA device, with torch installed and weights on disk (the large
    network's before the small one's). DIS otherwise.

    Args:
        name: one of `NAMES`, or `NONE`.
        device: what the flow may run on, as torch names it ("cpu", "cuda", "cuda:1", "mps").

    Returns:
        The estimator's name, never "auto", and one sentence for the user.

    Raises:
        InputError: unknown name.
    """
    if name == NONE:
        return name, "no flow, as asked: the motion stream sees the frame itself"
    if name not in NAMES:
        raise InputError(f"unknown flow estimator {name!r}: choose one of {', '.join(NAMES)}, {NONE}")
    if name != "auto":
        return name, f"flow by {name}, as asked"
    if not device.startswith("cuda"):
        return "dis", f"flow by dis: on {device} it is much quicker than RAFT"
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None:
        return "dis", 'flow by dis: RAFT needs torch (pip install "dpa-vos[torch]")'
    for variant in ("large", "small"):
        if cached_weights(variant).is_file():
            return (
                f"raft-{variant}",
                f"flow by raft-{variant}: there is a CUDA device, and its weights are here",
            )
    return (
        "dis",
        f"flow by dis: no RAFT weights in {cached_weights('large').parent}; --flow raft-large gets them",
    )


def make_estimator(
    name: str = "auto", device: str = "cpu", weights: str | Path | None = None
) -> FlowEstimator:
    """A flow estimator by its name.

    Args:
        name: one of `NAMES`; see `choose` for "auto".
        device: for RAFT; DIS runs on the CPU always.
        weights: RAFT's weights file; None for torch hub's cache.

    Raises:
        InputError: unknown name or `NONE`, or a weights file for an estimator that has none.
        MissingExtra: RAFT without torch.
        WeightsError: see `RAFT`.

    Example:
        >>> import numpy as np
        >>> first = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        >>> estimator = make_estimator("dis")
        >>> estimator(first, np.roll(first, 2, axis=1)).shape
        (64, 96, 2)
    """
    picked, _ = choose(name, device)
    if picked == NONE:
        raise InputError(f"--flow {NONE} makes no flow, and flow is what is wanted here: name an estimator")
    family, _, variant = picked.partition("-")
    if family == "raft":
        return RAFT(variant, device, weights)
    if weights is not None:
        raise InputError(f"{weights}: {picked} has no weights; they go with raft-small or raft-large, named")
    from dpa.flow.dis import DIS

    return DIS(variant or "medium")
