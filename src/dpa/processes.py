"""Work spread over processes."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.synchronize import Event
from typing import TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    work: Callable[[Task], Iterable[Result]], tasks: Sequence[Task], processes: int
) -> Iterator[Result]:
    """The results of all tasks, in no certain order.

    Args:
        work: a function of a module; gives a task's results one by one, and stops between them when the run
            is broken off.
        tasks: what it is called with.
        processes: how many; 1 does it all in this one.

    Raises:
        Whatever `work` raises first.
    """
    processes = min(processes, len(tasks))
    if processes <= 1:
        for task in tasks:
            yield from work(task)
        return
    # Spawned, not forked: a fork of a process in which OpenCV or torch has threads may hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    threads = max(1, (os.cpu_count() or 1) // processes)
    with ProcessPoolExecutor(processes, context, _start, (stop, threads)) as pool:
        try:
            for done in as_completed([pool.submit(_do, work, task) for task in tasks]):
                yield from done.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


class _Worker:
    """What a process keeps between tasks."""

    stop: Event


def _start(stop: Event, threads: int) -> None:
    # Ctrl-C reaches every process of the terminal: the parent alone acts on it, through `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(threads)
    _Worker.stop = stop


def _do(work: Callable[[Task], Iterable[Result]], task: Task) -> list[Result]:
    results = []
    for result in work(task):
        results.append(result)
        if _Worker.stop.is_set():
            break
    return results
