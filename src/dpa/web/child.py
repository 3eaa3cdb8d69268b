"""One process that works for the server: what a bad file does to it, it does to nobody else."""

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from dpa.errors import DPAError
from dpa.processes import begin

Tell = Callable[[Any], None]
"""Sends something small to the server while the work goes on."""


class Died(Exception):
    """The process ended before its work did, or was ended because nothing came of it."""


class Failed(Exception):
    """The work raised an error of ours, or another; the sentence is for people."""


class Child:
    """A process that has imported what it needs and waits for work.

    Args:
        module: where its work is, imported at once: nobody waits for that later.
        threads: of OpenCV; 0 for one per core.
    """

    def __init__(self, module: str, threads: int = 0) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        threads = threads or os.cpu_count() or 1
        self._process = context.Process(target=_serve, args=(other, module, threads), daemon=True)
        self._process.start()
        other.close()

    def run(self, work: Callable[..., Any], *given: Any, patience: float) -> Iterator[Any]:
        """Have it call `work(tell, *given)`: what it tells comes out, and at last what it returns.

        Args:
            work: a function of a module.
            given: what pickles.
            patience: seconds without a word after which it is ended.

        Raises:
            Died: see there.
            Failed: see there.
        """
        try:
            self._pipe.send((work, given))
            while True:
                if not self._pipe.poll(patience):
                    self.kill()
                    raise Died
                what, message = self._pipe.recv()
                if what == "failed":
                    raise Failed(message)
                yield message
                if what == "done":
                    return
        except (EOFError, OSError) as error:
            raise Died from error

    def ask(self, work: Callable[..., Any], *given: Any, patience: float) -> Any:
        """What `work(tell, *given)` returns, see `run`."""
        *_, answer = self.run(work, *given, patience=patience)
        return answer

    def kill(self) -> None:
        """End it, whatever it does; from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End it and give back what it held."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection, module: str, threads: int) -> None:
    begin(threads)
    import_module(module)
    while True:
        try:
            work, given = pipe.recv()
        except EOFError:
            return
        try:
            answer = work(lambda message: pipe.send(("told", message)), *given)
        except DPAError as error:
            pipe.send(("failed", str(error)))
        except Exception as error:
            traceback.print_exc()
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
        else:
            pipe.send(("done", answer))
