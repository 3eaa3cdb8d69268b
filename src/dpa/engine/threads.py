"""Stages of work that overlap: each generator in a thread of its own, with a bounded queue between."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_PATIENCE = 0.1  # seconds between looks at whether the reader has gone


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END: Any = object()


def threaded(
    items: Iterable[T], size: int = 2, name: str = "stage", wake: Callable[[], None] | None = None
) -> Generator[T, None, None]:
    """Run an iterator in a thread; its items come out in order.

    The thread starts with the first item that is asked for. What the iterator raises is raised here, after
    the items before it. Closing this generator ends the thread and closes the iterator, in its own thread.

    Args:
        items: the iterator.
        size: items that may wait; memory is bounded by it.
        name: of the thread.
        wake: called at the end, before the thread is waited for: ends a read that may wait for ever.
    """
    waiting: queue.Queue[Any] = queue.Queue(size)
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(items, waiting, stop), name=f"dpa-{name}", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        if wake is not None:
            wake()
        thread.join()


def _work(items: Iterable[Any], waiting: "queue.Queue[Any]", stop: threading.Event) -> None:
    try:
        iterator = iter(items)
        try:
            for item in iterator:
                if not _put(waiting, item, stop):
                    return
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
    except BaseException as error:
        _put(waiting, _Failure(error), stop)
    else:
        _put(waiting, _END, stop)


def _put(waiting: "queue.Queue[Any]", item: Any, stop: threading.Event) -> bool:
    """Wait for room; False if the reader has gone."""
    while not stop.is_set():
        try:
            waiting.put(item, timeout=_PATIENCE)
        except queue.Full:
            continue
        return True
    return False


class Clock:
    """Seconds of work by stage; each stage is timed in one thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add the time inside the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    def each(self, stage: str, items: Iterator[T]) -> Generator[T, None, None]:
        """Pass items on, timing how long each takes to come; closes what it reads from."""
        try:
            while True:
                with self.time(stage):
                    item = next(items, _END)
                if item is _END:
                    return
                yield item
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
