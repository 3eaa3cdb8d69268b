"""What one running server has, and does with it."""

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dpa.engine.corrections import ADD, REMOVE
from dpa.errors import DPAError, InputError
from dpa.files import user_path
from dpa.web.jobs import Jobs, new_result
from dpa.web.kinds import check_kind
from dpa.web.settings import WebSettings
from dpa.web.sniff import HEAD, suffix_of
from dpa.web.store import Click, Store, Video
from dpa.web.upload import check_size
from dpa.web.view import Wanted
from dpa.web.viewers import Viewers
from dpa.web.words import say


class Gone(DPAError):
    """There is no such thing, or it is not this session's."""


class Server:
    """Videos, the queue, and the processes that show frames.

    Args:
        settings: of the server.

    Attributes:
        refused: why uploads were not taken, by their tickets, see `dpa.web.gradio_api`.

    Raises:
        OutputError: its folder cannot be used.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.store = Store(settings.folder, settings.max_disk, settings.max_hours)
        self.viewers = Viewers()
        self.jobs = Jobs(self.store, settings, self.viewers.forget)
        self.refused: dict[str, str] = {}
        self._example = threading.Lock()

    def close(self) -> None:
        """End all work and delete all files."""
        self.jobs.close()
        self.viewers.close()
        self.store.close()

    def video(self, session: str, key: str) -> Video:
        """A session's video.

        Raises:
            Gone: it has none of that name.
        """
        video = self.store.get(session, key)
        if video is None:
            raise Gone(say("error.gone"))
        return video

    def begin(self, video: Video, kind: str, run: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        """Queue a video; it is removed where that cannot be.

        Raises:
            Busy: too many wait.
        """
        video.run = run
        try:
            check_kind(kind)
            self.jobs.add(video, new_result(kind, settings=settings))
        except BaseException:
            self.store.remove(video)
            raise
        return video.public()

    def make(
        self,
        video: Video,
        kind: str,
        settings: dict[str, Any],
        look: dict[str, Any],
        start: int | None = None,
        end: int | None = None,
    ) -> dict[str, Any]:
        """Queue a further result of a video whose run is over.

        Raises:
            Gone: it is not over yet.
            Busy: too many wait.
            InputError: the part is none.
        """
        check_kind(kind)
        if video.first.state not in ("done", "damaged"):
            raise Gone(say("error.unready"))
        count = video.first.done
        part = (start or 0, count if end is None else end)
        if not 0 <= part[0] < part[1] <= count:
            raise InputError(say("error.part", start=part[0], end=part[1], count=count))
        whole = part == (0, count)
        result = new_result(kind, settings=settings, look=look, part=None if whole else part)
        self.jobs.add(video, result)
        return result.public()

    def frame(
        self, video: Video, index: int, view: str, settings: dict[str, Any], look: dict[str, Any]
    ) -> tuple[str, bytes]:
        """A frame as it would be in a result: its type and bytes.

        Raises:
            InputError: there is no such view.
            NotShown: or no such frame.
        """
        if view != "frame" and view not in VIEWS:
            raise InputError(say("error.kind", kind=view, kinds=", ".join(["frame", *VIEWS])))
        shown = VIEWS.get(view, view)
        return self.viewers.picture(video, _wanted(video, index, shown, settings, look))

    def correct(
        self, video: Video, index: int, x: float, y: float, what: str, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Take the region under a click out of the masks, or into them: in its frame at once, in those before
        and after it when they have been followed.

        Raises:
            Gone: the run is not over yet.
            InputError: there is no such correction.
            NotShown: there is no region.
            Busy: too much waits.
        """
        if what not in (ADD, REMOVE):
            raise InputError(say("error.correction", what=what))
        if video.first.state not in ("done", "damaged"):
            raise Gone(say("error.unready"))
        result = new_result("correction")
        folder = video.folder / "corrections" / f"{len(video.clicks):03d}-{result.id}-{what}"
        self.viewers.seed(video, _wanted(video, index, "mask", settings, {}), x, y, str(folder))
        click = Click(index, x, y, what, folder, result)
        self.jobs.follow(video, click, settings)
        return click.public()

    def undo(self, video: Video) -> None:
        """Take back the last correction.

        Raises:
            Gone: there is none.
        """
        try:
            click = video.clicks.pop()
        except IndexError:
            raise Gone(say("error.undo")) from None
        self.jobs.drop(video, click.result)
        shutil.rmtree(click.folder, ignore_errors=True)

    def check_size(self, size: int) -> None:
        """See `dpa.web.upload.check_size`."""
        check_size(size, self.settings, self.store)

    def drop(self, video: Video, number: str) -> None:
        """Stop a result, and delete its file.

        Raises:
            Gone: there is none.
            InputError: it is the run of the network.
        """
        result = video.results.get(number)
        if result is None:
            raise Gone(say("error.result"))
        if result is video.first:
            raise InputError(say("error.first"))
        self.jobs.drop(video, result)
        video.results.pop(number, None)
        shutil.rmtree(video.folder / "results" / number, ignore_errors=True)

    def remove(self, video: Video) -> None:
        """Stop what is done to a video, and delete it."""
        self.jobs.remove(video)

    def takes_paths(self, headers: Mapping[str, str]) -> bool:
        """Whether files of this machine may be named: only by those who sit at it, not through a proxy."""
        proxied = any(name in headers for name in ("forwarded", "x-forwarded-for", "via", "x-real-ip"))
        return self.settings.is_local and self.settings.password is None and not proxied

    def local(self, session: str, path: str, headers: Mapping[str, str]) -> Video:
        """A file of this machine as a video; it is read where it lies.

        Raises:
            InputError: it is none, or paths are not taken.
        """
        if not self.takes_paths(headers):
            raise InputError(say("error.paths"))
        file = user_path(path.strip().strip("\"'"))
        if not file.is_absolute():
            raise InputError(say("error.relative", path=path))
        if not file.is_file():
            raise InputError(say("error.path", path=path))
        with file.open("rb") as opened:
            suffix = suffix_of(opened.read(HEAD))
        if suffix is None:
            raise InputError(say("error.type", name=file.name))
        video = self.store.new(session, file.name, suffix)
        video.source = file
        return video

    def example(self) -> Path:
        """The built-in example, made when it is first asked for."""
        path = self.store.folder / "example.mp4"
        with self._example:
            if not path.exists():
                from dpa.example import Scene, write_clip

                write_clip(path, Scene())
        return path


def _wanted(video: Video, index: int, view: str, settings: dict[str, Any], look: dict[str, Any]) -> Wanted:
    count = video.first.done if video.first.ended else video.facts.get("frames", 0)
    places = str(video.source), str(video.kept), video.run
    return Wanted(*places, index, view, count, settings, look, video.corrections)


VIEWS = {
    "mask": "mask",
    "soft": "soft",
    "overlay": "overlay",
    "cutout": "alpha",
    "background": "green",
    "strip": "strip",
}
"""What of a frame can be looked at, and the kind of `dpa.video.write.KINDS` that it is."""
