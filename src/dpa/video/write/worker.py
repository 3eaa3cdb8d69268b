"""A thread that writes behind: the caller paints the next picture while the last one is encoded."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_WAITING = 2
_END: Any = object()


class Worker(Generic[T]):
    """Calls a function with items, in their order, in a thread of its own.

    At most two items wait, so that memory stays bounded. The thread starts with the first item.

    Args:
        work: is called with every item; after it has raised, it is not called again.
        name: of the thread.
    """

    def __init__(self, work: Callable[[T], object], name: str) -> None:
        self._work = work
        self._items: queue.Queue[Any] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._name = name

    def put(self, item: T) -> None:
        """Hands over an item; waits where two wait already. Raises what an earlier item's work has raised."""
        self._raise()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"dpa-{self._name}", daemon=True)
            self._thread.start()
        self._items.put(item)

    def finish(self) -> None:
        """Waits for all items' work, and ends the thread. Raises what their work has raised."""
        self._join()
        self._raise()

    def stop(self) -> None:
        """Drops the items that wait, and ends the thread after the one at work. May be called at any time."""
        self._stopped = True
        self._join()

    def _join(self) -> None:
        if self._thread is not None:
            self._items.put(_END)
            self._thread.join()
            self._thread = None

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error, self._stopped = self._error, None, True
            raise error

    def _run(self) -> None:
        # Items are taken to the end even after an error: nobody waits for room for ever.
        while (item := self._items.get()) is not _END:
            if self._error is None and not self._stopped:
                try:
                    self._work(item)
                except BaseException as error:
                    self._error = error
