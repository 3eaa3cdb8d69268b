"""The one progress bar of the command line: on standard error, and only where that is a terminal."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

Update = Callable[[int, int | None, str], None]
"""Called with what is done, of how many (None if not known), and what is at work ("" for the label)."""


@contextmanager
def progress_bar(label: str) -> Iterator[Update]:
    """A bar that is there from its first update on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None, visible=False)

        def update(done: int, total: int | None, what: str = "") -> None:
            bar.update(task, completed=done, total=total, description=what or label, visible=True)

        yield update


def count_up(label: str, steps: Iterable[int], done: int, total: int | None) -> int:
    """Draw the bar while things are made; gives how many there were, `done` not counted."""
    made = 0
    with progress_bar(label) as update:
        update(done, total, "")
        for step in steps:
            made += step
            update(done + made, total, "")
    return made
