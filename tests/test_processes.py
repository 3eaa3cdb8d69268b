"""Work spread over processes: results, messages, and processes that die."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import pytest

from dpa.processes import Threads, number, spread, tell


def double(task: int) -> Iterator[int]:
    tell(("begun", task))
    yield 2 * task


def die(place: Path, task: int) -> Iterator[int]:
    """Notes that it was called; task 3 kills its own process."""
    with (place / str(task)).open("a") as file:
        file.write("x")
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    yield task


def which(task: int) -> Iterator[int]:
    time.sleep(0.5)  # so that one process does not take both
    yield number()


def until_stopped(place: Path, task: int) -> Iterator[int]:
    """Task 0 is quick; the others take a minute, and note when they came to their end."""
    if task:
        for _ in range(6000):
            time.sleep(0.01)
            tell(task)
        (place / str(task)).touch()
    yield task


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_results_and_messages(processes: int) -> None:
    told: list[tuple[str, int]] = []
    assert sorted(spread(double, range(5), processes, told=told.append)) == [0, 2, 4, 6, 8]
    assert sorted(told) == [("begun", task) for task in range(5)]


@pytest.mark.slow
def test_each_process_has_a_number() -> None:
    assert set(spread(which, range(4), 2)) == {0, 1}


@pytest.mark.slow
def test_a_task_whose_process_dies_is_lost_alone(tmp_path: Path) -> None:
    results = list(spread(partial(die, tmp_path), range(7), 2, lost=lambda task: -task))
    assert sorted(results) == [-3, 0, 1, 2, 4, 5, 6]


def test_a_dead_process_is_an_error_where_nobody_asks(tmp_path: Path) -> None:
    with pytest.raises(BrokenProcessPool):
        list(spread(partial(die, tmp_path), range(7), 2))


@pytest.mark.slow
def test_broken_off_in_the_middle_of_a_task(tmp_path: Path) -> None:
    results = spread(partial(until_stopped, tmp_path), [0, 1, 2], 2, told=lambda message: None)
    assert next(results) == 0
    results.close()
    assert not any(tmp_path.iterdir())


def test_threads_give_results_in_order_and_the_first_error() -> None:
    told: list[int] = []

    def work(task: int) -> int:
        time.sleep(0.02 * (3 - task) if task < 3 else 0)
        if task == 5:
            raise ValueError(task)
        return 2 * task

    with Threads(3, lambda: told.append(1)) as threads:
        assert list(threads.run(work, range(5))) == [0, 2, 4, 6, 8]
        results = threads.run(work, [1, 5, 2])
        assert next(results) == 2
        with pytest.raises(ValueError, match="5"):
            next(results)
    assert len(told) == 6
