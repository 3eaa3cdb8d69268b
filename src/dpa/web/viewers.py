"""The processes that show frames: a few for all sessions, begun again where one dies."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dpa.errors import DPAError
from dpa.web.child import Child, Died, Failed
from dpa.web.store import Video
from dpa.web.view import Wanted, forget, picture, seed
from dpa.web.words import say

_PATIENCE = 30.0
"""Seconds that a frame may take: seeking in a long film without key frames is slow."""


class NotShown(DPAError):
    """A frame cannot be shown."""


class Viewers:
    """Answers with pictures; each video has one of the processes, which holds it open.

    Args:
        count: of the processes.
    """

    def __init__(self, count: int = 2) -> None:
        self._children = [Child("dpa.web.view", threads=1) for _ in range(count)]
        self._locks = [threading.Lock() for _ in range(count)]

    def picture(self, video: Video, wanted: Wanted) -> tuple[str, bytes]:
        """See `dpa.web.view.picture`.

        Raises:
            NotShown: what is wrong, one sentence.
        """
        kind, data = self._ask(video, picture, wanted)
        return kind, data

    def seed(self, video: Video, wanted: Wanted, x: float, y: float, folder: str) -> None:
        """See `dpa.web.view.seed`.

        Raises:
            NotShown: what is wrong, one sentence.
        """
        self._ask(video, seed, wanted, x, y, folder)

    def _ask(self, video: Video, work: Callable[..., Any], *given: Any) -> Any:
        place = self._place(video)
        with self._locks[place]:
            try:
                return self._children[place].ask(work, *given, patience=_PATIENCE)
            except Failed as error:
                raise NotShown(video.told(str(error))) from error
            except Died as error:
                self._children[place].close()
                self._children[place] = Child("dpa.web.view", threads=1)
                raise NotShown(say("error.died", name=video.name)) from error

    def forget(self, video: Video) -> None:
        """Close a video that is about to be removed."""
        place = self._place(video)
        with self._locks[place], suppress(Failed, Died):
            self._children[place].ask(forget, str(video.kept), patience=_PATIENCE)

    def close(self) -> None:
        """End the processes."""
        for child in self._children:
            child.close()

    def _place(self, video: Video) -> int:
        return hash(video.id) % len(self._children)
