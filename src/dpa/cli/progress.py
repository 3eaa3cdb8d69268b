"""The one progress bar of the command line, and what it shows of a training run."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpa.train.report import Reporter, Row

Update = Callable[[int, int | None, str], None]
"""Called with what is done, of how many (None if not known), and what is at work ("" for the label)."""


class Bar:
    """A bar on standard error where that is a terminal; there from its first update on.

    Args:
        label: shown where nothing else is.
        stays: when it is closed.
    """

    def __init__(self, label: str = "", *, stays: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.label = label
        self._console = Console(stderr=True)
        self._bar = Progress(
            *columns, console=self._console, transient=not stays, disable=not self._console.is_terminal
        )
        self._task = self._bar.add_task(label, total=None, visible=False)

    def update(self, done: int, total: int | None, what: str = "") -> None:
        """See `Update`."""
        self._bar.start()
        self._bar.update(
            self._task, completed=done, total=total, description=what or self.label, visible=True
        )

    def say(self, sentence: str) -> None:
        """A line above the bar."""
        self._console.print(sentence, highlight=False, markup=False)

    def close(self) -> None:
        self._bar.stop()


@contextmanager
def progress_bar(label: str) -> Iterator[Update]:
    """A bar that is there from its first update on, and gone at the end."""
    bar = Bar(label)
    try:
        yield bar.update
    finally:
        bar.close()


def count_up(label: str, steps: Iterable[int], done: int, total: int | None) -> int:
    """Draw the bar while things are made; gives how many there were, `done` not counted."""
    made = 0
    with progress_bar(label) as update:
        update(done, total, "")
        for step in steps:
            made += step
            update(done + made, total, "")
    return made


class TrainingBar:
    """A run's progress with loss, J, images a second and the time left."""

    def __init__(self) -> None:
        self.bar = Bar(stays=True)
        self.best = ""

    def row(self, row: "Row") -> None:
        text = f"loss {row.loss:.3f}{self.best} · {row.images_per_second:.1f} images/s"
        self.bar.update(row.iteration, row.iterations, text)

    def validated(self, iteration: int, scores: dict[str, float], pictures: object) -> None:
        from dpa.train.report import score_line

        self.best = f" · J {100 * sum(scores.values()) / len(scores):.1f}"
        self.bar.say(score_line(iteration, scores))

    def note(self, sentence: str) -> None:
        self.bar.say(sentence)

    def close(self) -> None:
        self.bar.close()


@contextmanager
def training_progress() -> Iterator[Sequence["Reporter"]]:
    """Who is told of a run: a bar on a terminal; else the log goes to standard output, line by line."""
    if sys.stderr.isatty():
        yield [TrainingBar()]
        return
    log, handler = logging.getLogger("dpa.train"), logging.StreamHandler(sys.stdout)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield []
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
