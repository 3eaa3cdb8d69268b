"""What a run writes about itself: `log.csv` and `validation.csv`."""

import csv
import time
from pathlib import Path

import numpy as np

LOG, VALIDATION = "log.csv", "validation.csv"


class Log:
    """Rows of the training and of its validations; a resumed run goes on without a row twice.

    Args:
        folder: of the run.
        iteration: where the run goes on; later rows, of work that was lost, are removed. 0 starts anew.
        every: iterations between the training's rows.
    """

    def __init__(self, folder: Path, iteration: int, every: int = 20) -> None:
        self.folder, self.every = folder, every
        self.values: list[float] = []
        self.images, self.since = 0, time.monotonic()
        for name in (LOG, VALIDATION):
            _cut(folder / name, iteration)
        if not (folder / LOG).exists():
            self._write(LOG, ["iteration", "loss", "lr", "images_per_second"])

    def add(self, iteration: int, value: float, lr: float, images: int, last: bool) -> None:
        """Count an iteration; a row every few: loss (mean since the last row), rate, images a second."""
        self.values.append(value)
        self.images += images
        if iteration % self.every and not last:
            return
        speed = self.images / (time.monotonic() - self.since)
        row = [iteration, f"{np.mean(self.values):.4f}", f"{lr:.3g}", f"{speed:.2f}"]
        self._write(LOG, row)
        print("iteration {} loss {} lr {} images/s {}".format(*row), flush=True)
        self.values, self.images, self.since = [], 0, time.monotonic()

    def validation(self, iteration: int, scores: dict[str, float]) -> None:
        """A row of J in [0, 1]: mean, then every sequence's."""
        mean = float(np.mean(list(scores.values())))
        shown = {name: round(100 * score, 1) for name, score in scores.items()}
        print(f"iteration {iteration}: J {100 * mean:.1f} {shown}", flush=True)
        if not (self.folder / VALIDATION).exists():
            self._write(VALIDATION, ["iteration", "J", *scores])
        self._write(VALIDATION, [iteration, *(f"{score:.4f}" for score in (mean, *scores.values()))])

    def _write(self, name: str, row: list) -> None:
        with (self.folder / name).open("a", newline="") as f:
            csv.writer(f).writerow(row)


def _cut(path: Path, iteration: int) -> None:
    """Keep the rows up to an iteration."""
    if not path.exists():
        return
    if iteration == 0:
        path.unlink()
        return
    header, *rows = path.read_text().splitlines() or [""]
    # A run that was killed while it wrote may have left half a row.
    whole = [row for row in rows if row.count(",") == header.count(",")]
    kept = [row for row in whole if int(row.partition(",")[0]) <= iteration]
    path.write_text("".join(f"{row}\r\n" for row in (header, *kept)))
