"""Scoring masks by a protocol, on all cores."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dpa.arrays import Binary, Grey
from dpa.errors import InputError
from dpa.evaluate import ghosts, saliency, stability
from dpa.evaluate.masks import Code, Rule, agree, binary, read_prediction, read_values, void
from dpa.evaluate.measures import boundary_accuracy, box_of, region_similarity
from dpa.evaluate.pairs import Pair, PairedSequence, find_cutouts, find_pairs
from dpa.evaluate.protocols import Protocol, find_protocol, summarise, summarise_boxes
from dpa.evaluate.public import find_annotations
from dpa.evaluate.report import Report, SequenceReport
from dpa.processes import Threads


@dataclass(frozen=True)
class Settings:
    """How masks are read and scored.

    Attributes:
        protocol: see `protocols.PROTOCOLS`.
        threshold: share of white above which a soft mask is object, in [0, 1); None refuses soft masks.
        resize: masks of another size are brought to their annotation's.
        merge: ids of several objects are one object, also where the protocol does not say so.
        stability: measure the temporal stability too, and how often the object changes.
        cutouts: a folder of cut-outs, or soft masks, whose ghost share is measured too.

    Raises:
        InputError: a threshold out of range, or stability or ghosts of soft maps.
    """

    protocol: Protocol
    threshold: float | None = None
    resize: bool = False
    merge: bool = False
    stability: bool = False
    cutouts: Path | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise InputError(f"--threshold must be at least 0 and below 1, not {self.threshold}")
        if self.stability and self.protocol.saliency:
            raise InputError(
                f"--stability is of binary masks in videos, not of the protocol {self.protocol.name}"
            )
        if self.cutouts is not None and self.protocol.saliency:
            raise InputError(f"--ghosts is of cut-outs of videos, not of the protocol {self.protocol.name}")

    @property
    def of_ground_truth(self) -> Rule:
        """How annotations are read."""
        merge = self.merge or self.protocol.merge
        return Rule(ground_truth=True, merge=merge, merge_grey=merge, void=self.protocol.void)

    @property
    def of_masks(self) -> Rule:
        """How masks are read."""
        return Rule(threshold=self.threshold, merge=self.merge or self.protocol.merge, merge_grey=self.merge)

    def as_json(self) -> dict[str, Any]:
        """What the report keeps."""
        flow = stability.recipe() if self.stability else False
        return {
            "threshold": self.threshold,
            "resize": self.resize,
            "merge": self.merge or self.protocol.merge,
            "stability": flow,
            "cutouts": None if self.cutouts is None else str(self.cutouts),
        }


class Scored(NamedTuple):
    """One frame: its values, whether its annotation shows an object, and how the files were coded."""

    values: dict[str, float]
    shown: bool
    mask: Code
    ground_truth: Code
    measured: saliency.Saliency | None = None


def evaluate(
    masks: str | Path,
    ground_truth: str | Path,
    protocol: str = "davis16",
    *,
    threshold: float | None = None,
    resize: bool = False,
    merge: bool = False,
    measure_stability: bool = False,
    cutouts: str | Path | None = None,
    frames: str | Path | None = None,
    jobs: int | None = None,
) -> Report:
    """Score a folder of masks.

    Args:
        masks, ground_truth, frames: folders, see `pairs.find_pairs`; `ground_truth` may be a public set's,
            see `public.find_annotations`.
        protocol: name of a protocol.
        threshold, resize, merge, measure_stability, cutouts: see `Settings`.
        jobs: threads; None is one a CPU.

    Raises:
        InputError: something is missing, or would give a wrong figure.
        MissingExtra: saliency without PySODMetrics.

    Example:
        >>> report = evaluate("masks", "VIDEOS")
        >>> report.figures["J"]
        1.0
    """
    images = None if cutouts is None else Path(cutouts)
    settings = Settings(find_protocol(protocol), threshold, resize, merge, measure_stability, images)
    place, only = find_annotations(Path(ground_truth), settings.protocol)
    sequences = find_pairs(masks, place, settings.protocol, frames, only)
    return score(sequences, settings, str(masks), str(ground_truth), jobs)


def score(
    sequences: list[PairedSequence],
    settings: Settings,
    masks: str,
    ground_truth: str,
    jobs: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Report:
    """Score what `find_pairs` has found.

    Args:
        sequences: at least one.
        settings: how.
        masks, ground_truth: names of the folders, for the report.
        jobs: threads; None is one a CPU.
        progress: is called after every frame.

    Raises:
        InputError: see `evaluate`.
        MissingExtra: see `evaluate`.
    """
    if settings.protocol.saliency:
        saliency.library()
    moves = [stability.steps(sequence) if settings.stability else [] for sequence in sequences]
    place = settings.cutouts
    cut = find_cutouts(place, sequences) if place is not None else [[] for _ in sequences]
    done = []
    with Threads(jobs, progress) as threads:
        one_frame = _score_map if settings.protocol.saliency else _score_mask
        scored = threads.run(partial(one_frame, settings), [p for s in sequences for p in s.pairs])
        for sequence in sequences:
            done.append(_sequence(sequence, [next(scored) for _ in sequence.pairs], settings))
        stable = threads.run(partial(_stable, settings), [step for steps in moves for step in steps])
        for (report, _), steps in zip(done, moves, strict=True):
            if steps:
                report.figures.update(stability.summarise([next(stable) for _ in steps]))
        shares = threads.run(ghosts.ghost_share_of, [path for paths in cut for path in paths])
        for (report, _), paths in zip(done, cut, strict=True):
            if paths:
                found = [next(shares) for _ in paths]
                report.figures.update(ghosts=float(np.mean(found)), ghosts_worst=max(found))
    reports = [report for report, _ in done]
    if settings.protocol.saliency:
        if settings.protocol.by_sequence:
            figures = saliency.summarise([saliency.mean(maps) for _, maps in done])
        else:
            figures = saliency.summarise([one for _, maps in done for one in maps])
    elif settings.protocol.boxes:  # success rates are of all frames, J the mean of the videos
        figures = summarise_boxes(np.concatenate([one.values["J"] for one in reports]))
        figures["J"] = _mean(reports)["J"]
    else:
        figures = _mean(reports)
    return Report(
        settings.protocol.name,
        masks,
        ground_truth,
        settings.as_json(),
        tuple(reports),
        figures,
        _classes(reports, settings.protocol.classes),
    )


def read_masks(settings: Settings, pair: Pair) -> tuple[Binary, Code, Binary, Code]:
    """The mask and the annotation of a frame as they are scored, (H, W) bool, and how the files were coded.

    Raises:
        InputError: see `evaluate`.
    """
    values = read_values(pair.ground_truth)
    ground_truth, ground_truth_code = binary(values, pair.ground_truth, settings.of_ground_truth)
    prediction, code = read_prediction(
        pair.mask, settings.of_masks, pair.ground_truth, ground_truth.shape, settings.resize
    )
    open_ = void(values) if settings.protocol.void else None
    return prediction if open_ is None else prediction & ~open_, code, ground_truth, ground_truth_code


def read_maps(settings: Settings, pair: Pair) -> tuple[Grey, Binary]:
    """The soft map, (H, W) uint8, and the annotation, (H, W) bool, of the protocol saliency.

    Raises:
        InputError: see `evaluate`.
    """
    ground_truth = saliency.read_ground_truth(pair.ground_truth, settings.of_ground_truth)
    return saliency.read_map(
        pair.mask, settings.of_masks, pair.ground_truth, ground_truth.shape, settings.resize
    ), ground_truth


def _score_mask(settings: Settings, pair: Pair) -> Scored:
    prediction, code, ground_truth, ground_truth_code = read_masks(settings, pair)
    if settings.protocol.boxes:
        boxes = box_of(prediction), box_of(ground_truth)
        return Scored({"J": region_similarity(*boxes)}, bool(ground_truth.any()), code, ground_truth_code)
    scores = {
        "J": region_similarity(prediction, ground_truth),
        "F": boundary_accuracy(prediction, ground_truth),
    }
    return Scored(scores, bool(ground_truth.any()), code, ground_truth_code)


def _score_map(settings: Settings, pair: Pair) -> Scored:
    measured = saliency.measure(*read_maps(settings, pair))
    return Scored(measured.values, True, Code(0, None), Code(0, None), measured)


def _stable(settings: Settings, step: stability.Step) -> stability.Agreement:
    return stability.measure(step, settings.of_masks, settings.resize)


def _sequence(
    sequence: PairedSequence, scored: list[Scored], settings: Settings
) -> tuple[SequenceReport, list[saliency.Saliency]]:
    pairs = sequence.pairs
    agree([(pair.mask, one.mask) for pair, one in zip(pairs, scored, strict=True)], settings.of_masks)
    agree(
        [(pair.ground_truth, one.ground_truth) for pair, one in zip(pairs, scored, strict=True)],
        settings.of_ground_truth,
    )
    counted = [
        (pair, one)
        for pair, one in zip(pairs, scored, strict=True)
        if one.shown or not settings.protocol.annotated_only
    ]
    if not counted:
        raise InputError(f"{pairs[0].ground_truth.parent}: no annotation of {sequence.name} shows an object")
    values = {name: [one.values[name] for _, one in counted] for name in counted[0][1].values}
    maps = [one.measured for _, one in counted if one.measured is not None]
    if maps:
        figures = saliency.summarise(maps)
    elif settings.protocol.boxes:
        figures = summarise_boxes(np.array(values["J"]))
    else:
        figures = summarise(np.array(values["J"]), np.array(values["F"]))
    names = tuple(pair.name for pair, _ in counted)
    return SequenceReport(sequence.name, sequence.group, names, values, figures), maps


def _mean(reports: list[SequenceReport]) -> dict[str, float]:
    return {name: float(np.mean([one.figures[name] for one in reports])) for name in reports[0].figures}


def _classes(reports: list[SequenceReport], classes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    found = {}
    for name in classes:
        members = [one for one in reports if one.group == name]
        if members:
            found[name] = {"sequences": len(members), **_mean(members)}
    return found
