"""Measures of soft maps against masks, by the PySODMetrics library (module `py_sod_metrics`)."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from dpa.arrays import Binary, Grey
from dpa.errors import MissingExtra
from dpa.evaluate.masks import Rule, Values, binary, read_values, refuse_size
from dpa.evaluate.protocols import SALIENCY_MEASURES

_HALF = 128  # above it an annotation of grey values is object, as in PySODMetrics


class Saliency(NamedTuple):
    """The measures of one picture.

    Attributes:
        values: MAE, S, F_mean and E_mean, which are means over the 256 thresholds, F_adaptive, at twice the
            map's mean, and F_weighted (Margolin et al., CVPR 2014).
        f, e: (256,) F-beta and E measure by threshold.
    """

    values: dict[str, float]
    f: np.ndarray
    e: np.ndarray


def library() -> Any:
    """The module `py_sod_metrics`.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module("py_sod_metrics")
    except ModuleNotFoundError as error:
        raise MissingExtra("the protocol saliency", extra="evaluate") from error


def measure(prediction: Grey, ground_truth: Binary) -> Saliency:
    """Score one soft map.

    The library stretches every map to [0, 1] by its least and largest value before it measures, as published
    saliency figures have it; beta^2 is 0.3 in F-beta.

    Args:
        prediction: (H, W) uint8.
        ground_truth: (H, W) bool.
    """
    sod = library()
    mae, structure, alignment, weighted = sod.MAE(), sod.Smeasure(), sod.Emeasure(), sod.WeightedFmeasure()
    f_beta = sod.FmeasureV2({"f": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3)})
    for one in (mae, structure, alignment, weighted, f_beta):
        one.step(prediction, ground_truth.astype(np.uint8) * 255)
    of_f = f_beta.get_results()["f"]
    f = of_f["dynamic"]
    e = alignment.get_results()["em"]["curve"]
    values = {"MAE": mae.get_results()["mae"], "S": structure.get_results()["sm"]}
    values |= {"F_mean": f.mean(), "E_mean": e.mean(), "F_adaptive": of_f["adaptive"]}
    values["F_weighted"] = weighted.get_results()["wfm"]
    return Saliency({name: float(value) for name, value in values.items()}, f, e)


def mean(pictures: Sequence[Saliency]) -> Saliency:
    """Of several pictures, of a sequence say, as if they were one."""
    f, e = (np.mean([getattr(one, name) for one in pictures], axis=0) for name in ("f", "e"))
    names = pictures[0].values
    return Saliency({name: float(np.mean([one.values[name] for one in pictures])) for name in names}, f, e)


def summarise(pictures: Sequence[Saliency]) -> dict[str, float]:
    """The `SALIENCY_MEASURES` of several pictures: maxima and means are those of the mean curves."""
    values, f, e = mean(pictures)
    figures = values | {"F_max": f.max(), "F_mean": f.mean(), "E_max": e.max(), "E_mean": e.mean()}
    return {name: float(figures[name]) for name in SALIENCY_MEASURES}


def read_ground_truth(path: Path, rule: Rule) -> Binary:
    """An annotation as (H, W) bool; grey values are object above 128 of 255.

    Raises:
        InputError: see `masks.binary`.
    """
    values = read_values(path)
    if values.top and np.unique(values.array).size > 2:
        return values.array > _HALF / 255 * values.top
    return binary(values, path, rule)[0]


def read_map(path: Path, rule: Rule, ground_truth: Path, shape: tuple[int, ...], resize: bool) -> Grey:
    """A soft map as (H, W) uint8, resized bilinearly where that is asked for.

    Raises:
        InputError: it has another size than its annotation, or ids that are not to be merged.
    """
    values = read_values(path)
    if rule.threshold is not None or not values.top:
        values = Values(binary(values, path, rule)[0].astype(np.uint8) * 255, 255)
    array = values.array if values.top == 255 else (values.array >> 8).astype(np.uint8)
    refuse_size(path, array.shape, ground_truth, shape, resize)
    return array if array.shape == shape else cv2.resize(array, (shape[1], shape[0]))
