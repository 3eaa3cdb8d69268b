"""J and F of `dpa segment` on a data set in the DAVIS layout, as a user runs it.

    python benchmarks/davis.py DAVIS_dev --out runs/davis [-- --weights runs/finetune/best ...]

DAVIS-2016: per frame without the first and the last, mean per sequence, then over the sequences. What
follows `--` goes to `dpa segment`. Masks stay in OUT/SEQUENCE; `OUT/figures.json` has what is printed.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from dpa.data.layout import Sequence, find_sequences
from dpa.data.read import read_mask
from dpa.evaluate.measures import boundary_accuracy, region_similarity


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("options", nargs="*", help="of dpa segment, after --")
    args = parser.parse_args()
    figures = {}
    for sequence in find_sequences(args.dataset, masks=True):
        masks = args.out / sequence.name
        source = sequence.images[0].parent
        command = [
            sys.executable,
            "-m",
            "dpa",
            "segment",
            str(source),
            "-o",
            str(masks),
            "--overwrite",
            *args.options,
        ]
        subprocess.run(command, check=True)
        figures[sequence.name] = measure(sequence, masks)
        print(sequence.name, figures[sequence.name], flush=True)
    mean = {m: round(float(np.mean([f[m] for f in figures.values()])), 1) for m in ("J", "F", "JF")}
    print("mean", mean)
    (args.out / "figures.json").write_text(json.dumps({"sequences": figures, "mean": mean}, indent=2) + "\n")


def measure(sequence: Sequence, masks: Path) -> dict[str, float]:
    """J, F and their mean in percent."""
    scores = []
    for image, truth in list(zip(sequence.images, sequence.masks, strict=True))[1:-1]:
        assert truth is not None
        found, true = (read_mask(path) > 0 for path in (masks / f"{image.stem}.png", truth))
        scores.append((region_similarity(found, true), boundary_accuracy(found, true)))
    j, f = 100 * np.mean(scores, axis=0)
    return {"J": round(float(j), 1), "F": round(float(f), 1), "JF": round(float(j + f) / 2, 1)}


if __name__ == "__main__":
    main()
