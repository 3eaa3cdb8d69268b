"""Work spread over processes, or over threads where it is short and outside of Python's lock."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")
Told = Callable[[Any], None]

_PATIENCE = 0.1  # seconds between looks at whether the work has ended


def spread(
    work: Callable[[Task], Iterable[Result]],
    tasks: Sequence[Task],
    processes: int,
    *,
    told: Told | None = None,
    lost: Callable[[Task], Result] | None = None,
) -> Iterator[Result]:
    """The results of all tasks, in no certain order.

    Args:
        work: a function of a module; gives a task's results one by one, and stops between them when the run
            is broken off.
        tasks: what it is called with.
        processes: how many; 1 does it all in this one.
        told: called here with whatever `work` gives to `tell`, from a thread.
        lost: the result of a task whose process died (killed for its memory, say). Tasks at work beside it
            are done again; a task is lost when its process dies though it is the only one.

    Raises:
        Whatever `work` raises first; BrokenProcessPool where a process died and there is no `lost`.
    """
    processes = min(processes, len(tasks))
    if processes <= 1:
        _Worker.tell = told
        for task in tasks:
            yield from work(task)
        return
    left = dict(enumerate(tasks))
    while left:
        try:
            yield from _pool(work, left, processes, told)
        except BrokenProcessPool:
            if lost is None:
                raise
            # Tasks start in their order: the process that died had one of the first that have no result.
            for key in list(left)[:processes]:
                task = left.pop(key)
                try:
                    yield from _pool(work, {key: task}, 1, told)
                except BrokenProcessPool:
                    yield lost(task)


class Threads:
    """A pool of threads, for what is short and outside of Python's lock: pictures that are read and measured,
    files that are on their way. Processes take longer to start than most of such work lasts.

    Args:
        count: of threads; None is one a CPU.
        progress: called after every result.
    """

    def __init__(self, count: int | None, progress: Callable[[], object] = lambda: None) -> None:
        self._pool = ThreadPoolExecutor(count or os.cpu_count() or 1)
        self._progress = progress

    def __enter__(self) -> "Threads":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """The results in the order of the tasks; work starts at once."""
        futures = [self._pool.submit(work, task) for task in tasks]

        def results() -> Iterator[Result]:
            for future in futures:
                yield future.result()
                self._progress()

        return results()


def tell(message: Any) -> None:
    """Say how far a task is, from inside `work`: goes to the `told` of `spread`; small, it is pickled.

    Raises:
        KeyboardInterrupt: the run has been broken off.
    """
    if _Worker.stop is not None and _Worker.stop.is_set():
        raise KeyboardInterrupt
    if _Worker.tell is not None:
        _Worker.tell(message)


def number() -> int:
    """Which of the processes this is, from 0; what each has for itself, such as a device, goes by it."""
    return _Worker.number


class _Worker:
    """What a process keeps between tasks."""

    stop: Any = None
    tell: Told | None = None
    number: int = 0


def _pool(
    work: Callable[[Task], Iterable[Result]], left: dict[int, Task], processes: int, told: Told | None
) -> Iterator[Result]:
    """One pool's results; takes the tasks that are done out of `left`."""
    # Spawned, not forked: a fork of a process in which OpenCV or torch has threads may hang.
    context = multiprocessing.get_context("spawn")
    stop, numbers = context.Event(), context.Value("i", 0)
    threads = max(1, (os.cpu_count() or 1) // processes)
    with _heard(context, told) as send:
        setup = (stop, threads, numbers, send)
        with ProcessPoolExecutor(processes, context, _start, setup) as pool:
            try:
                futures = {pool.submit(_do, work, task): key for key, task in left.items()}
                for done in as_completed(futures):
                    results = done.result()
                    del left[futures[done]]
                    yield from results
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)


@contextmanager
def _heard(context: Any, told: Told | None) -> Iterator[tuple[Connection, Any] | None]:
    """A pipe to send messages into, and its lock; a thread passes on what comes out of it."""
    if told is None:
        yield None
        return
    receiver, sender = context.Pipe(duplex=False)
    ended = threading.Event()

    def listen() -> None:
        while receiver.poll(_PATIENCE) or not ended.is_set():
            if receiver.poll():
                told(receiver.recv())

    listener = threading.Thread(target=listen, name="dpa-progress", daemon=True)
    listener.start()
    try:
        yield sender, context.Lock()
    finally:
        ended.set()
        listener.join()
        receiver.close()
        sender.close()


def _start(stop: Any, threads: int, numbers: Any, send: tuple[Connection, Any] | None) -> None:
    begin(threads)
    _Worker.stop = stop
    with numbers.get_lock():
        _Worker.number = numbers.value
        numbers.value += 1
    if send is not None:
        _Worker.tell = lambda message: _send(message, *send)


def begin(threads: int) -> None:
    """Begin the life of a process that works for this one: it outlives it not, and leaves Ctrl-C to it.

    Args:
        threads: of OpenCV.
    """
    # Ctrl-C reaches every process of the terminal: the parent alone acts on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive_nobody, daemon=True).start()
    cv2.setNumThreads(threads)


def _outlive_nobody() -> None:
    """End with the parent: one that was killed cannot say so, and its workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _send(message: Any, sender: Connection, lock: Any) -> None:
    with lock:
        sender.send(message)


def _do(work: Callable[[Task], Iterable[Result]], task: Task) -> list[Result]:
    results = []
    for result in work(task):
        results.append(result)
        if _Worker.stop.is_set():
            break
    return results
