"""What a run tells about itself: CSV files, a progress bar or lines, TensorBoard where it is installed."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dpa.files import write_whole

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

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, np.ndarray]) -> None:
        """J in [0, 1] by sequence, and pictures (H, W, 3) uint8 of frame, flow, prediction, ground truth."""
        ...

    def note(self, sentence: str) -> None:
        """Something that went wrong and did not stop the run."""
        ...

    def close(self) -> None:
        """The run has ended."""
        ...


def make_reporters(folder: Path, iteration: int, iterations: int, terminal: bool) -> Sequence[Reporter]:
    """The CSV files; on a terminal a progress bar, else lines; TensorBoard where it is installed.

    Args:
        folder: of the run.
        iteration: where the run goes on.
        iterations: of the whole run.
        terminal: somebody looks on.
    """
    screen = terminal and find_spec("rich") is not None
    reporters: list[Reporter] = [
        Log(folder, iteration),
        Screen(iteration, iterations) if screen else Lines(),
    ]
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

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, np.ndarray]) -> None:
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
    """Lines on standard output, for log files."""

    def row(self, row: Row) -> None:
        print(
            f"iteration {row.iteration}/{row.iterations} loss {row.loss:.4f} lr {row.lr:.3g} "
            f"images/s {row.images_per_second:.2f}",
            flush=True,
        )

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, np.ndarray]) -> None:
        print(f"iteration {iteration}: {_scores(scores)}", flush=True)

    def note(self, sentence: str) -> None:
        print(sentence, flush=True)

    def close(self) -> None:
        return


class Screen:
    """A progress bar with loss, J, images a second and the time left, on standard error."""

    def __init__(self, iteration: int, iterations: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.task = self.progress.add_task("", total=iterations, completed=iteration)
        self.best = ""
        self.progress.start()

    def row(self, row: Row) -> None:
        text = f"loss {row.loss:.3f}{self.best} · {row.images_per_second:.1f} images/s"
        self.progress.update(self.task, completed=row.iteration, description=text)

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, np.ndarray]) -> None:
        self.best = f" · J {100 * np.mean(list(scores.values())):.1f}"
        self.progress.console.print(f"iteration {iteration}: {_scores(scores)}", highlight=False)

    def note(self, sentence: str) -> None:
        self.progress.console.print(sentence, highlight=False, markup=False)

    def close(self) -> None:
        self.progress.stop()


class Board:
    """TensorBoard's scalars, and pictures of every validation (frame | flow | prediction | ground truth)."""

    def __init__(self, folder: Path, iteration: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=iteration + 1)

    def row(self, row: Row) -> None:
        for name in ("loss", "lr", "images_per_second"):
            self.writer.add_scalar(name, getattr(row, name), row.iteration)

    def validated(self, iteration: int, scores: dict[str, float], pictures: dict[str, np.ndarray]) -> None:
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


def _scores(scores: dict[str, float]) -> str:
    each = ", ".join(f"{name} {100 * score:.1f}" for name, score in scores.items())
    return f"J {100 * np.mean(list(scores.values())):.1f} ({each})"


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
