"""The queue: who is at work on what, one process a task."""

import itertools
import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpa.errors import DPAError
from dpa.files import make_folder
from dpa.web.child import Child, Died, Failed
from dpa.web.follow import Followed, follow
from dpa.web.kinds import KINDS
from dpa.web.settings import WebSettings
from dpa.web.store import Click, Result, Store, Video
from dpa.web.words import say
from dpa.web.work import Order, make

_PATIENCE = 300.0
"""Seconds without a word after which a process is taken for stuck."""
_KILLED = 10.0
"""Seconds that a process may take to end when it is killed."""
_SWEEP = 30.0
"""Seconds between looks at what has grown too old, or is too much."""


@dataclass
class _Task:
    video: Video
    result: Result
    work: Callable[..., Any]
    order: Any
    child: Child | None = None
    dropped: bool = False
    rank: int = 0


_Entry = tuple[int, int, _Task | None]
"""How many things of its session are before it, a number that rises, and the task; None for the end."""


class Busy(DPAError):
    """Too many videos wait."""


class Jobs:
    """Runs what is to be done: the network for `settings.jobs` videos at a time, and beside that, one by one,
    what is made of probabilities that are there already.

    Args:
        store: of the videos.
        settings: say how many.
        removing: called with a video before it is removed.
    """

    def __init__(self, store: Store, settings: WebSettings, removing: Callable[[Video], None]) -> None:
        self._store, self._settings, self._removing = store, settings, removing
        self._tasks: dict[int, _Task] = {}
        self._lock, self._numbers = threading.Lock(), itertools.count(1)
        self._slow: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
        self._quick: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
        self._closed = threading.Event()
        queues = [self._slow] * settings.jobs + [self._quick]
        self._threads = [threading.Thread(target=self._serve, args=(one,), daemon=True) for one in queues]
        self._threads.append(threading.Thread(target=self._sweep, daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Results that are not done yet."""
        return len(self._tasks)

    def add(self, video: Video, result: Result) -> None:
        """Have a result made, when it is its turn.

        Raises:
            Busy: too many wait already.
            OutputError: there is no place for it.
        """
        if self.waiting >= self._settings.max_waiting:
            raise Busy(say("error.busy"))
        kind, first = KINDS[result.kind], not video.results
        result.corrections = len(video.clicks)
        place = video.folder / "results" / result.id
        make_folder(place)
        result.name = f"{Path(video.name).stem}_{kind.ending}{kind.suffix or '.zip'}"
        order = Order(
            video.name,
            str(video.source),
            str(place / f"result{kind.suffix}"),
            kind.kind,
            video.run | result.settings | {"device": self._settings.device},
            str(video.kept),
            result.part,
            result.look,
            video.corrections,
            self._settings.max_minutes,
        )
        video.results[result.id] = result
        self._put(self._slow if first else self._quick, _Task(video, result, make, order))

    def follow(self, video: Video, click: Click, settings: dict[str, Any]) -> None:
        """Have a correction followed through the video, before what is asked for next.

        Raises:
            Busy: too many wait.
        """
        if self.waiting >= self._settings.max_waiting:
            raise Busy(say("error.busy"))
        before = video.corrections
        video.clicks.append(click)
        run = video.run | settings
        places = str(video.source), str(video.kept)
        order = Followed(*places, run, click.index, str(click.folder), before)
        self._put(self._quick, _Task(video, click.result, follow, order))

    def drop(self, video: Video, result: Result) -> None:
        """End one thing that is done to a video, or take it from the queue."""
        with self._lock:
            tasks = [task for task in self._tasks.values() if task.result is result]
            for task in tasks:
                task.dropped = True
        self._end(tasks)

    def remove(self, video: Video) -> None:
        """End what is done to a video, and remove it with all its files."""
        with self._lock:
            video.gone = True
            tasks = [task for task in self._tasks.values() if task.video is video]
        self._end(tasks)
        self._removing(video)
        self._store.remove(video)

    def close(self) -> None:
        """End everything."""
        self._closed.set()
        for video in self._store.all():
            self.remove(video)
        for _ in range(self._settings.jobs):
            self._slow.put((0, 0, None))
        self._quick.put((0, 0, None))
        for thread in self._threads:
            thread.join()

    def _end(self, tasks: list[_Task]) -> None:
        for child in [task.child for task in tasks]:  # looked at once: its thread takes it away
            if child is not None:
                child.kill()
        deadline = time.monotonic() + _KILLED
        while any(task.child is not None for task in tasks) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _put(self, where: "queue.PriorityQueue[_Entry]", task: _Task) -> None:
        # In turn: who gives fifty videos does not keep away who gives one.
        with self._lock:
            same = [one.rank for one in self._tasks.values() if one.video.session == task.video.session]
            task.rank = max(same, default=-1) + 1
            self._tasks[id(task)] = task
        where.put((task.rank, next(self._numbers), task))

    def _serve(self, tasks: "queue.PriorityQueue[_Entry]") -> None:
        child = Child("dpa.web.work")
        while (task := tasks.get()[2]) is not None:
            with self._lock:
                # Whoever ends it from here on finds the process.
                task.child = None if task.video.gone or task.dropped else child
            if task.child is not None:
                # A new one for each: no video's memory stays, and none meets another's leftovers. It gets
                # ready while this one works.
                following = Child("dpa.web.work")
                self._run(task, child)
                child.close()
                child = following
            with self._lock:
                task.child = None
                del self._tasks[id(task)]
        child.close()

    def _run(self, task: _Task, child: Child) -> None:
        video, result = task.video, task.result
        result.started, result.state = time.monotonic(), "working"
        outcome: dict[str, Any] = {"state": "failed"}
        try:
            for message in child.run(task.work, task.order, patience=_PATIENCE):
                outcome = message
                video.facts = message.get("facts", video.facts)
                result.done = message.get("done", result.done)
                result.total = message.get("total", result.total)
        except Failed as error:
            outcome = {"state": "failed", "problem": str(error)}
        except Died:
            outcome = {"state": "failed", "problem": say("error.died", name=video.name)}
        result.seconds = time.monotonic() - result.started
        result.warnings = [video.told(sentence) for sentence in outcome.get("warnings", ())]
        result.problem = video.told(outcome.get("problem", ""))
        if outcome["state"] != "failed":
            result.file = Path(outcome["file"]) if outcome["file"] else None
            result.done = outcome["frames"]
        result.state = outcome["state"]

    def _sweep(self) -> None:
        while not self._closed.wait(_SWEEP):
            for video in self._store.expired():
                self.remove(video)


def new_result(kind: str, **given: Any) -> Result:
    """A result that is still to be made."""
    return Result(secrets.token_urlsafe(6), kind, **given)
