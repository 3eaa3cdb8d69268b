"""Make short sequences of known difficulties from stills that no training has seen, and score masks by kind.

    python benchmarks/failure_kinds.py make STILLS... -o MADE [--kinds KIND...] [--each 10] [--seed 0]
    dpa predict MADE MASKS
    python benchmarks/failure_kinds.py score MASKS/binary MADE [--csv FILE]

STILLS are folders with RGB and GT. Used are those that `data.held_out=20` leaves out of training, and for the
object that moves only those where it lies within the picture: what a side cuts off has a straight edge. A
sequence has 12 frames: MADE/KIND-NUMBER/{RGB,GT}. `--kinds plain --each 150` is a second development set. The
kinds are `dpa.train.data.failure_kinds.KINDS`.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dpa.datasets.held_out import is_held_out
from dpa.datasets.layout import IMAGES, MASKS, Still, find_stills
from dpa.evaluate.run import evaluate
from dpa.train.data.augment import View
from dpa.train.data.failure_kinds import FRAMES, KINDS, make_scene
from dpa.train.data.read import read_image, read_mask

MEASURES = ("J", "F", "JF", "stability", "changes")
LEAST, LARGEST = 0.03, 0.4
"""Share of the picture that the object of a scene has."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    one = verbs.add_parser("make")
    one.add_argument("stills", nargs="+", type=Path)
    one.add_argument("-o", "--output", type=Path, required=True)
    one.add_argument("--each", type=int, default=10, help="sequences of each kind")
    one.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    one.add_argument("--held-out", type=int, default=20)
    one.add_argument("--seed", type=int, default=0)
    one.set_defaults(run=make)
    other = verbs.add_parser("score")
    other.add_argument("masks", type=Path)
    other.add_argument("made", type=Path)
    other.add_argument("--csv", type=Path)
    other.set_defaults(run=score)
    args = parser.parse_args()
    args.run(args)


def make(args: argparse.Namespace) -> None:
    stills = [still for root in args.stills for still in find_stills(root)]
    held = [still for still in stills if is_held_out(still[0].stem, args.held_out)]
    if args.output.exists():
        sys.exit(f"{args.output}: is there already: name another folder")
    scenes = _usable(held, np.random.default_rng(args.seed))
    for i in range(args.each):
        for kind in args.kinds:
            rng = np.random.default_rng([args.seed, i, list(KINDS).index(kind)])
            still = next(scenes, None)
            if still is None:
                sys.exit(f"{len(held)} stills held out are too few for {args.each} sequences of each kind")
            scene = make_scene(kind, still, lambda rng=rng: _view(held[int(rng.integers(len(held)))]), rng)
            folder = args.output / f"{kind}-{i:03d}"
            for name in (IMAGES, MASKS):
                (folder / name).mkdir(parents=True)
            for t in range(FRAMES):
                image, mask = scene.frame(t)
                cv2.imwrite(str(folder / IMAGES / f"{t:05d}.png"), image[..., ::-1])
                cv2.imwrite(str(folder / MASKS / f"{t:05d}.png"), mask)


def _usable(held: list[Still], rng: np.random.Generator) -> Iterator[View]:
    """The stills in random order, each once, whose object is whole, not tiny and not most of the picture."""
    for k in rng.permutation(len(held)):
        view = _view(held[k])
        sides = view.mask[[0, -1]].any() or view.mask[:, [0, -1]].any()
        if not sides and LEAST < np.count_nonzero(view.mask) / view.mask.size < LARGEST:
            yield view


def _view(still: Still) -> View:
    image, mask = read_image(still[0]), read_mask(still[1])
    return View(image, mask)


def score(args: argparse.Namespace) -> None:
    report = evaluate(args.masks, args.made, measure_stability=True)
    rows = []
    for kind in KINDS:
        found = [one.figures for one in report.sequences if one.name.rpartition("-")[0] == kind]
        if found:
            rows.append((kind, len(found), [statistics.fmean(one[m] for one in found) for m in MEASURES]))
    rows.append(("mean", len(report.sequences), [report.figures[m] for m in MEASURES]))
    print(f"{'kind':12}{'sequences':>10}" + "".join(f"{m:>10}" for m in MEASURES))
    for kind, count, values in rows:
        print(f"{kind:12}{count:10}" + "".join(f"{100 * value:10.1f}" for value in values))
    if args.csv is not None:
        with args.csv.open("w", newline="") as file:
            csv.writer(file).writerows(
                [("kind", "sequences", *MEASURES), *((kind, count, *values) for kind, count, values in rows)]
            )


if __name__ == "__main__":
    main()
