"""Results in a storage: written here, and sent when they are whole."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from dpa.errors import DPAError, OutputError
from dpa.storage.files import check_writable, kind_at, listed, remove
from dpa.storage.transfer import upload
from dpa.storage.urls import join, name_of
from dpa.video.segmented import Segmented
from dpa.video.source import Source
from dpa.video.write.base import Sink
from dpa.video.write.folder import check_comes_back, check_pictures, first_missing


class UploadSink(Sink):
    """A file or a folder of pictures in a storage.

    It is made on this machine's disk and sent at the end: a file is there whole or not at all; the pictures
    of a folder come one after the other, and go again where one of them cannot be written. Storages know no
    renaming: while pictures are sent, and where that is broken off, some are there; `resume` sends the rest.

    Args:
        url: where the result goes; with a slash at its end it is a folder.
        open_here: opens the same result on this machine.
        source: names the pictures.
        folder: whether the result is a folder.
        overwrite: replace what is there.
        resume: continue a folder at its first missing frame.

    Raises:
        OutputError: the result is there already, or nothing can be written there.
        DPAError: see `dpa.storage.files`.
    """

    def __init__(
        self,
        url: str,
        open_here: Callable[[str], Sink],
        source: Source,
        *,
        folder: bool,
        overwrite: bool = False,
        resume: bool = False,
    ) -> None:
        super().__init__()
        self._url, self._folder, self._resume = url.rstrip("/"), folder, resume
        check_writable(url)
        there = kind_at(self._url)
        if there is not None and there != ("folder" if folder else "file"):
            raise OutputError(f"{url} is a {there} there: choose another name")
        if there and not (overwrite or resume):
            more = " or --resume" if folder else ""
            raise OutputError(f"{url} exists already: choose another name or use --overwrite{more}")
        self._before = {name_of(entry.url) for entry in listed(self._url)} if folder and there else set[str]()
        check_pictures(self._url, self._before)
        if resume:
            check_comes_back(self._url, source)
            self.start = first_missing(source, self._before)
        self._place = TemporaryDirectory(prefix="dpa-")
        try:
            self.path = Path(self._place.name) / name_of(url)
            self._here = open_here(f"{self.path}{'/' if folder else ''}")
        except BaseException:
            self._place.cleanup()
            raise
        self._here.start, self.encoder, self.warnings = self.start, self._here.encoder, self._here.warnings

    def write(self, segmented: Segmented) -> None:
        self._here.write(segmented)

    def close(self) -> None:
        try:
            self._here.close()
            if self._folder:
                names = sorted(path.name for path in self.path.iterdir())
                self._send([(self.path / name, join(self._url, name)) for name in names])
                if not self._resume:
                    remove(join(self._url, name) for name in sorted(self._before - {*names}))
            elif self.path.exists():
                self._send([(self.path, self._url)])
        finally:
            self._place.cleanup()

    def abort(self) -> None:
        self._here.abort()
        self._place.cleanup()

    def _send(self, files: list[tuple[Path, str]]) -> None:
        sent: list[str] = []
        try:
            upload(files, sent.append)
        except BaseException:
            if not self._resume:
                with suppress(DPAError):
                    remove(sent)
            raise
