"""The written protocols: which frames count, what is one object, and how frames become one figure."""

from dataclasses import dataclass

import numpy as np

from dpa.datasets.classes import YOUTUBE_OBJECTS
from dpa.errors import InputError

SALIENCY_MEASURES = ("MAE", "F_max", "F_mean", "F_adaptive", "F_weighted", "S", "E_max", "E_mean")
# MoCA: mean IoU of boxes, the share of frames above each threshold, and the mean of the five shares.
SUCCESS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Protocol:
    """One way to score masks; docs/evaluation.md states each in words and formula.

    Attributes:
        name: as `--protocol` takes it.
        skip_ends: the first and the last frame of a sequence are not scored.
        annotated_only: only annotated frames that show an object are scored; masks of others may be there.
        merge: all objects of an annotation are one.
        void: palette id 255 of an annotation is left out of the score.
        classes: to which a sequence's name must belong; empty for none.
        saliency: soft maps are scored, by `SALIENCY_MEASURES`; else binary masks, by J and F.
        by_sequence: saliency's figures and curves are means of the sequences'; else of all pictures.
        boxes: J is of the boxes around mask and annotation, and success rates are reported.
    """

    name: str
    skip_ends: bool = False
    annotated_only: bool = False
    merge: bool = False
    void: bool = False
    classes: tuple[str, ...] = ()
    saliency: bool = False
    by_sequence: bool = False
    boxes: bool = False

    @property
    def headline(self) -> str:
        """The figure that frames and reports are ranked by."""
        return "J" if self.boxes else "S" if self.saliency else "JF"


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("davis16", skip_ends=True),
        Protocol("davis17-unsupervised-merged", merge=True, void=True),
        Protocol("fbms", annotated_only=True, merge=True),
        Protocol("ytobj", annotated_only=True, merge=True, classes=YOUTUBE_OBJECTS),
        Protocol("longvideos", annotated_only=True, merge=True),
        Protocol("segtrack-v2", merge=True),
        Protocol("moca", annotated_only=True, merge=True, boxes=True),
        Protocol("saliency", saliency=True),
        Protocol("davsod", saliency=True, by_sequence=True, annotated_only=True),
        Protocol("visal", saliency=True, by_sequence=True, annotated_only=True),
    )
}


def find_protocol(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        InputError: there is none.
    """
    if name not in PROTOCOLS:
        raise InputError(f"unknown protocol {name!r}: choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def recall(values: np.ndarray) -> float:
    """Share of the frames above 0.5: (N,) to [0, 1] (Perazzi et al., CVPR 2016, section 4)."""
    return float(np.mean(values > 0.5))


def decay(values: np.ndarray) -> float:
    """Mean of the first quarter of the frames minus mean of the last: (N,) to [-1, 1].

    The frames 0 ... N-1 are cut at k (N-1) / 4, k = 0 ... 4, halves rounded up, and a quarter has both of its
    cuts in it, as in the public DAVIS code.
    """
    last = len(values) - 1
    first_cut, third_cut = (last + 2) // 4, (3 * last + 2) // 4
    return float(np.mean(values[: first_cut + 1]) - np.mean(values[third_cut:]))


def summarise_boxes(j: np.ndarray) -> dict[str, float]:
    """J and success rates of frames, from the IoU of their boxes, (N,), N at least 1."""
    rates = {f"success_{t}": float(np.mean(j > t)) for t in SUCCESS}
    return {"J": float(np.mean(j)), **rates, "success": float(np.mean(list(rates.values())))}


def summarise(j: np.ndarray, f: np.ndarray) -> dict[str, float]:
    """The figures of one sequence, from its frames' J and F, (N,) each, N at least 1."""
    figures = {}
    for name, values in (("J", j), ("F", f)):
        figures[name] = float(np.mean(values))
        figures[f"{name}_recall"], figures[f"{name}_decay"] = recall(values), decay(values)
    return figures | {"JF": (figures["J"] + figures["F"]) / 2}
