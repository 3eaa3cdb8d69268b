"""What the server keeps: videos and their results, each of one session, in folders that only it names."""

import json
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dpa.engine.corrections import Correction
from dpa.errors import OutputError
from dpa.files import make_folder, output_errors
from dpa.web.words import say

State = Literal["waiting", "working", "done", "damaged", "failed"]
_MARK = ".dpa-web"
_ARRIVES = 3600.0
"""Seconds that an upload may take before its file counts as left behind."""


@dataclass
class Result:
    """A file that is made of a video, or the run of the network that all others need.

    Attributes:
        id: of the result, among those of its video.
        kind: one of `dpa.web.kinds.KINDS`.
        settings: of masks, see `dpa.web.kinds.OF_MASKS`.
        part: the first frame, and the one after the last; None for all.
        corrections: number of the corrections that it has.
        look: strength and background, see `dpa.web.kinds.checked_look`.
        state: how far it is.
        done, total: frames; total is None as long as it is not known.
        started, seconds: when the work began, and how long it took.
        problem: what went wrong, one sentence.
        warnings: what it lacks though it is whole.
        file: where it is, when it is done.
        name: what browsers call it.
        ticket: stands for the file where a session cannot be told; nobody can guess it.
    """

    id: str
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    part: tuple[int, int] | None = None
    corrections: int = 0
    look: dict[str, Any] = field(default_factory=dict)
    state: State = "waiting"
    done: int = 0
    total: int | None = None
    started: float = 0.0
    seconds: float = 0.0
    problem: str = ""
    warnings: list[str] = field(default_factory=list)
    file: Path | None = None
    name: str = ""
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def ended(self) -> bool:
        return self.state in ("done", "damaged", "failed")

    def public(self) -> dict[str, Any]:
        """What its session may know, as JSON values."""
        seconds = self.seconds if self.ended else time.monotonic() - self.started if self.started else 0.0
        rate = self.done / seconds if seconds else 0.0
        left = (self.total - self.done) / rate if rate and self.total and not self.ended else None
        names = "id kind settings part corrections state done total problem warnings name"
        return {name: getattr(self, name) for name in names.split()} | {
            "seconds": round(seconds, 2),
            "frames_a_second": round(rate, 2),
            "seconds_left": None if left is None else round(left, 1),
        }


@dataclass
class Click:
    """A correction that was made by a click on a frame.

    Attributes:
        index: of the frame.
        x, y: of the click, from 0 to 1.
        what: "add" or "remove".
        folder: see `dpa.engine.corrections.Correction`.
        result: how far it has been followed.
    """

    index: int
    x: float
    y: float
    what: str
    folder: Path
    result: Result

    def public(self) -> dict[str, Any]:
        """What its session may know, as JSON values."""
        names = ("index", "x", "y", "what")
        told = self.result.public()
        state = {name: told[name] for name in ("state", "done", "problem")}
        frames = Correction(self.folder).frames
        return (
            {name: getattr(self, name) for name in names}
            | state
            | {
                "frames": len(frames),
                "first": min(frames, default=self.index),
                "last": max(frames, default=self.index),
            }
        )


@dataclass
class Video:
    """An upload, all that was made of it, and what is known of it.

    Attributes:
        id: nobody can guess it.
        session: whose it is.
        name: the user's own, for showing only.
        folder: all of it lies there.
        source: the file.
        run: settings that the network ran with.
        facts: width, height, frames, rate, sound; empty until it has been opened.
        results: by their ids; the first is the run of the network.
        background: the upload that stands behind the object; None for none.
        clicks: its corrections, in order.
        used: when somebody last asked for it.
        gone: whether it is removed, or about to be.
    """

    id: str
    session: str
    name: str
    folder: Path
    source: Path
    run: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    background: Path | None = None
    clicks: list[Click] = field(default_factory=list)
    used: float = field(default_factory=time.monotonic)
    gone: bool = False

    @property
    def first(self) -> Result:
        return next(iter(self.results.values()))

    @property
    def kept(self) -> Path:
        """Where the probabilities are."""
        return self.folder / "kept"

    @property
    def busy(self) -> bool:
        if not self.results and time.monotonic() - self.used < _ARRIVES:
            return True
        results = [*self.results.values(), *(click.result for click in self.clicks)]
        return any(not result.ended for result in results)

    @property
    def corrections(self) -> tuple[str, ...]:
        """Folders of the corrections, in order."""
        return tuple(str(click.folder) for click in self.clicks)

    def told(self, sentence: str) -> str:
        """A sentence as its user may read it: with the name of the file, and no place of this machine."""
        return sentence.replace(str(self.source), self.name).replace(f"{self.folder}{os.sep}", "")

    def public(self) -> dict[str, Any]:
        """What its session may know, as JSON values."""
        results = [result.public() for result in [*self.results.values()]]  # others add and drop some
        return {
            "id": self.id,
            "name": self.name,
            "state": self.first.state if self.results else "waiting",
            "facts": self.facts,
            "run": self.run,
            "results": results,
            "corrections": [click.public() for click in [*self.clicks]],
        }


class Store:
    """All videos of a server, in a folder of their own that is removed at its end.

    Args:
        folder: where to keep them; None for one in the system's place for temporary files.
        max_disk: bytes of all of them.
        max_hours: after which what nobody has used goes.

    Raises:
        OutputError: the folder cannot be used, or holds other things.
    """

    def __init__(self, folder: Path | None, max_disk: int, max_hours: float) -> None:
        base = folder or Path(tempfile.gettempdir()) / f"dpa-web-{_user()}"
        self._max_disk, self._max_seconds = max_disk, max_hours * 3600
        self._lock = threading.Lock()
        self._videos: dict[str, Video] = {}
        _claim(base)
        self.folder = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=base)).resolve()

    def new(self, session: str, name: str, suffix: str) -> Video:
        """A video whose file is still to come."""
        key = secrets.token_urlsafe(16)
        folder = self.folder / key
        make_folder(folder)
        video = Video(key, session, _shown(name), folder, folder / f"source{suffix}")
        with self._lock:
            self._videos[key] = video
        return video

    def get(self, session: str, key: str) -> Video | None:
        """A session's video; None where there is none, or it is another's."""
        video = self._videos.get(key)
        if (
            video is None
            or video.gone
            or not video.results
            or not secrets.compare_digest(video.session, session)
        ):
            return None
        video.used = time.monotonic()
        return video

    def of(self, session: str) -> list[Video]:
        """A session's videos, the oldest first."""
        with self._lock:
            return [video for video in self._videos.values() if video.session == session and not video.gone]

    def all(self) -> list[Video]:
        """All videos, the one that was used longest ago first."""
        with self._lock:
            return sorted(self._videos.values(), key=lambda video: video.used)

    def remove(self, video: Video) -> None:
        """Forget a video and delete its files; nobody may be at work on it."""
        video.gone = True
        with self._lock:
            self._videos.pop(video.id, None)
        shutil.rmtree(video.folder, ignore_errors=True)

    def expired(self) -> Iterator[Video]:
        """Videos that are to go: unused for too long, and the oldest where there is too much of all."""
        now, total = time.monotonic(), sum(size(video.folder) for video in self.all())
        for video in self.all():
            if video.busy or video.gone:
                continue
            if now - video.used > self._max_seconds or total > self._max_disk:
                total -= size(video.folder)
                yield video

    def close(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # gone meanwhile
                continue
    return total


def _shown(name: str) -> str:
    """A user's name of a file, fit to be shown and to name downloads."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(letter for letter in last if letter.isprintable()).strip(". ")
    return clean[:100] or say("unnamed")


def _claim(base: Path) -> None:
    """Take a folder for servers to work in, and remove what servers that were killed have left there."""
    mark = base / _MARK
    if base.is_dir() and not mark.exists() and any(base.iterdir()):
        raise OutputError(f"{base} holds other things than uploads: give an empty or a new folder")
    with output_errors(base):
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        if base.stat().st_uid != _user():
            raise OutputError(f"{base} belongs to somebody else: give another --folder")
        mark.write_text(json.dumps({"for": "dpa web"}), "utf-8")
        for left in base.glob("run-*-*"):
            if not _lives(int(left.name.split("-")[1])):
                shutil.rmtree(left, ignore_errors=True)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _lives(process: int) -> bool:
    import psutil  # signal 0 asks the same, but is Ctrl-C on Windows

    return bool(psutil.pid_exists(process))
