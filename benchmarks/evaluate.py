"""Time of J and F over a data set in the DAVIS layout, beside the plain way, in one run.

    python benchmarks/evaluate.py DAVIS_dev [--masks runs/davis] [--jobs 2]

The plain way is the published formula over whole frames: NumPy for boundaries and counts, OpenCV to dilate
both boundaries by the disk, one frame after the other. Both ways read the same PNG files, every frame counts
(first and last too), and their J and F are compared. Without `--masks` the annotations themselves, moved and
blurred, are scored.
"""

import argparse
import math
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dpa.evaluate.pairs import PairedSequence, find_pairs
from dpa.evaluate.protocols import find_protocol
from dpa.evaluate.run import Settings, score


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--masks", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    settings = Settings(find_protocol("davis17-unsupervised-merged"))  # the one in which every frame counts
    with tempfile.TemporaryDirectory() as folder:
        masks = args.masks or made_masks(args.dataset, Path(folder))
        sequences = find_pairs(masks, args.dataset, settings.protocol)
        start = time.perf_counter()
        report = score(sequences, settings, str(masks), str(args.dataset), args.jobs)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        plain = [plain_scores(sequence) for sequence in sequences]
        theirs = time.perf_counter() - start
    wanted = [value for scores in plain for value in scores]
    scores = [pair for one in report.sequences for pair in zip(one.values["J"], one.values["F"], strict=True)]
    difference = float(np.abs(np.subtract(scores, wanted)).max())
    print(f"{report.frames} frames, {len(sequences)} sequences, J and F of each, reading included")
    print(f"dpa evaluate, {args.jobs} threads: {ours:6.2f} s, {1000 * ours / report.frames:6.2f} ms a frame")
    print(
        f"plain NumPy and OpenCV:    {theirs:6.2f} s, {1000 * theirs / report.frames:6.2f} ms a frame, "
        f"{theirs / ours:.1f} times that"
    )
    print(f"largest difference of any J or F: {difference:.1e}")


def plain_scores(sequence: PairedSequence) -> list[tuple[float, float]]:
    """J and F of every frame, by the formula as it is published."""
    scores = []
    for pair in sequence.pairs:
        prediction, ground_truth = (
            np.asarray(Image.open(path).convert("L")) > 0 for path in (pair.mask, pair.ground_truth)
        )
        union = (prediction | ground_truth).sum()
        scores.append(
            ((prediction & ground_truth).sum() / union if union else 1.0, plain_f(prediction, ground_truth))
        )
    return scores


def plain_f(prediction: np.ndarray, ground_truth: np.ndarray) -> float:
    """F with both boundaries dilated over the whole frame."""
    reach = math.ceil(0.008 * np.linalg.norm(prediction.shape))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= reach**2).astype(np.uint8)
    edges = []
    for mask in (prediction, ground_truth):
        edge = np.zeros_like(mask)
        edge[:, :-1] |= mask[:, :-1] != mask[:, 1:]
        edge[:-1] |= mask[:-1] != mask[1:]
        edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
        edges.append(edge.astype(np.uint8))
    ours, theirs = edges
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = (ours * cv2.dilate(theirs, disk)).sum() / ours.sum()
    recall = (theirs * cv2.dilate(ours, disk)).sum() / theirs.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def made_masks(dataset: Path, folder: Path) -> Path:
    """Masks like those of a fair method: the annotations moved by some pixels, their edges blurred away."""
    rng = np.random.default_rng(0)
    for path in sorted(dataset.glob("*/GT/*.png")):
        mask = np.asarray(Image.open(path).convert("L"))
        moved = np.roll(mask, tuple(rng.integers(-6, 7, 2)), (0, 1))
        place = folder / path.parent.parent.name
        place.mkdir(exist_ok=True)
        Image.fromarray(np.where(cv2.GaussianBlur(moved, (0, 0), 6) > 127, np.uint8(255), np.uint8(0))).save(
            place / path.name
        )
    return folder


if __name__ == "__main__":
    main()
