"""Masks of two scenes joined into one film, beside masks of each scene alone.

    python benchmarks/joined.py shared/data/DAVIS_dev [--pairs 5] [--frames 20]

Takes sequences of the DAVIS layout (SEQUENCE/{RGB,GT}) two by two, those of one size, in the order of their
names, and scores their masks with J and F, all frames: apart, joined with every cut ignored (`shots="off"`),
and joined with cuts found (`shots="auto"`). The mean of J and F is over frames, then over pairs.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from dpa.engine.segmenter import Segmenter
from dpa.evaluate.measures import boundary_accuracy, region_similarity
from dpa.video.listing import list_pictures

WAYS = ("apart", "joined, off", "joined, auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--pairs", type=int, help="at most so many")
    parser.add_argument("--frames", type=int, help="of each sequence; default all")
    settings = parser.parse_args()
    segmenters = {shots: Segmenter(shots=shots) for shots in ("off", "auto")}
    rows = []
    print(f"| pair | {' | '.join(WAYS)} | cuts found |\n|---|---|---|---|---|")
    for first, second in pairs(settings.dataset)[: settings.pairs]:
        both = [list_pictures(folder / "RGB")[: settings.frames] for folder in (first, second)]
        film, place = [*both[0], *both[1]], len(both[0])
        apart, _ = scores(segmenters["off"], both[0])
        apart += scores(segmenters["off"], both[1])[0]
        blind, _ = scores(segmenters["off"], film)
        told, starts = scores(segmenters["auto"], film)
        rows.append([float(np.mean(values)) for values in (apart, blind, told)])
        found = "the one" if starts == [place] else f"{starts}, not [{place}]"
        figures = " | ".join(f"{100 * value:.1f}" for value in rows[-1])
        print(f"| {first.name} + {second.name} | {figures} | {found} |", flush=True)
    print(f"| mean of {len(rows)} | {' | '.join(f'{100 * value:.1f}' for value in np.mean(rows, 0))} | |")


def pairs(dataset: Path) -> list[tuple[Path, Path]]:
    """Neighbours by name among the sequences of one size, each in one pair."""
    sizes: dict[tuple[int, int], list[Path]] = {}
    for folder in sorted(path for path in dataset.iterdir() if (path / "RGB").is_dir()):
        with Image.open(list_pictures(folder / "RGB")[0]) as picture:
            sizes.setdefault(picture.size, []).append(folder)
    return [pair for folders in sizes.values() for pair in zip(folders[::2], folders[1::2], strict=False)]


def scores(segmenter: Segmenter, pictures: list[Path]) -> tuple[list[float], list[int]]:
    """J&F of every frame, and the frames that start a shot, without the first."""
    values, starts, shot = [], [], 0
    for mask, picture in zip(segmenter.masks(pictures), pictures, strict=True):
        with Image.open(picture.parents[1] / "GT" / f"{picture.stem}.png") as image:
            truth = np.asarray(image.convert("L")) > 0
        values.append((region_similarity(mask.binary, truth) + boundary_accuracy(mask.binary, truth)) / 2)
        if mask.frame.shot != shot:
            shot = mask.frame.shot
            starts.append(mask.index)
    return values, starts


if __name__ == "__main__":
    main()
