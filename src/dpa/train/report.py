"""What a run tells about itself: CSV files, lines in a log, TensorBoard where it is installed."""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dpa.arrays import Image
from dpa.files import write_whole

_LOG = logging.getLogger("dpa.train")
LOG, VALIDATION, SKIPPED = "log.csv", "validation.csv", "skipped.txt"


@dataclass(frozen=True)
class Row:
    """The state of a run.

    Attributes:
        iteration, iterations: done, and to do in all.
        loss: mean since the last row.
        lr: learning rate of the last iteration.
        images_per_second: of all devices, since the last row.
    """

    iteration: int
    iterations: int
    loss: float
    lr: float
    images_per_second: float


class Reporter(Protocol):
    """Takes what there is to tell."""

    def row(self, row: Row) -> None:
        """Every few iterations."""
        ...

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, Image]) -> None:
        """J in [0, 1] by sequence, and pictures (H, W, 3) uint8 of frame, flow, prediction, ground truth."""
        ...

    def note(self, sentence: str) -> None:
        """Something that went wrong and did not stop the run."""
        ...

    def close(self) -> None:
        """The run has ended."""
        ...


def make_reporters(
    folder: Path, iteration: int, shown: Sequence[Reporter] | None = None
) -> Sequence[Reporter]:
    """The CSV files; TensorBoard where it is installed; who else is told.

    Args:
        folder: of the run.
        iteration: where the run goes on.
        shown: whoever else is told; without any, the log.
    """
    reporters: list[Reporter] = [Log(folder, iteration), *(shown or [Lines()])]
    if find_spec("tensorboard") is not None:
        reporters.append(Board(folder, iteration))
    return reporters


class Log:
    """`log.csv`, `validation.csv` and `skipped.txt`; a resumed run goes on without a row twice.

    Args:
        folder: of the run.
        iteration: where the run goes on; later rows, of work that was lost, are removed. 0 starts anew.
    """

    def __init__(self, folder: Path, iteration: int) -> None:
        self.folder = folder
        for name in (LOG, VALIDATION):
            _cut(folder / name, iteration)
        if not (folder / LOG).exists():
            self._write(LOG, ["iteration", "loss", "lr", "images_per_second"])

    def row(self, row: Row) -> None:
        self._write(LOG, [row.iteration, f"{row.loss:.4f}", f"{row.lr:.3g}", f"{row.images_per_second:.2f}"])

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, Image]) -> None:
        if not (self.folder / VALIDATION).exists():
            self._write(VALIDATION, ["iteration", "J", *scores])
        mean = float(np.mean(list(scores.values())))
        self._write(VALIDATION, [iteration, *(f"{score:.4f}" for score in (mean, *scores.values()))])

    def note(self, sentence: str) -> None:
        with (self.folder / SKIPPED).open("a") as f:
            f.write(f"{sentence}\n")

    def close(self) -> None:
        return

    def _write(self, name: str, row: list) -> None:
        with (self.folder / name).open("a", newline="") as f:
            csv.writer(f).writerow(row)


class Lines:
    """Lines in the log of `dpa.train`: `logging` says where they go."""

    def row(self, row: Row) -> None:
        _LOG.info(
            "iteration %d/%d loss %.4f lr %.3g images/s %.2f",
            row.iteration,
            row.iterations,
            row.loss,
            row.lr,
            row.images_per_second,
        )

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, Image]) -> None:
        _LOG.info("%s", score_line(iteration, scores))

    def note(self, sentence: str) -> None:
        _LOG.warning("%s", sentence)

    def close(self) -> None:
        return


class Board:
    """TensorBoard's scalars, and pictures of every validation (frame | flow | prediction | ground truth)."""

    def __init__(self, folder: Path, iteration: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=iteration + 1)

    def row(self, row: Row) -> None:
        for name in ("loss", "lr", "images_per_second"):
            self.writer.add_scalar(name, getattr(row, name), row.iteration)

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, Image]) -> None:
        self.writer.add_scalar("J", float(np.mean(list(scores.values()))), iteration)
        for name, score in scores.items():
            self.writer.add_scalar(f"J/{name}", score, iteration)
        for name, picture in pictures.items():
            self.writer.add_image(name, picture, iteration, dataformats="HWC")
        self.writer.flush()

    def note(self, sentence: str) -> None:
        self.writer.add_text("skipped", sentence)

    def close(self) -> None:
        self.writer.close()


def score_line(iteration: int, scores: dict[str, float]) -> str:
    """A validation in one line, J in percent: `iteration 20: J 62.5 (bear 50.0, car 75.0)`."""
    each = ", ".join(f"{name} {100 * score:.1f}" for name, score in scores.items())
    return f"iteration {iteration}: J {100 * np.mean(list(scores.values())):.1f} ({each})"


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
    write_whole(path, "".join(f"{row}\r\n" for row in (header, *kept)).encode())
