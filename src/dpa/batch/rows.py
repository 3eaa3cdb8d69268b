"""Where a report's rows lie: a file here, or one in a storage with what has been added to it since."""

import csv
import io
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from dpa.errors import OutputError
from dpa.files import make_folder, write_whole
from dpa.processes import Threads
from dpa.storage.files import kind_at, listed, read, remove, write
from dpa.storage.urls import is_url, join

Row = Mapping[str, str]

_log = logging.getLogger("dpa.batch")
_PATIENCE = 5.0  # seconds for which rows wait to be sent together
_TOGETHER = 1000  # rows that are sent at once at most
_AT_ONCE = 8  # parts that are read
# Names of files are bytes, not always text; those that are not pass through as Python has them.
_ERRORS = "surrogateescape"


class Rows(Protocol):
    """What both have.

    Attributes:
        file: its name.
    """

    file: str

    def read(self) -> str:
        """The rows as CSV, later ones of a name last; "" where there are none."""

    def save(self, rows: Iterable[Row]) -> None:
        """Write all rows, each once."""

    def add(self, row: Row) -> None:
        """Note a row for good, soon."""

    def close(self) -> None:
        """No more are added until rows are saved."""


def rows_of(folder: str | Path, name: str, columns: Sequence[str]) -> Rows:
    """The rows of a folder's report.

    Args:
        folder: on this machine, made where it is missing, or in a storage.
        name: of the file in it.
        columns: of the rows.
    """
    where = join(folder, name)
    return StoredRows(where, columns) if is_url(where) else FileRows(Path(where), columns)


def _encoded(rows: Iterable[Row], columns: Sequence[str], header: bool = True) -> bytes:
    """Rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", _ERRORS)


class FileRows:
    """Rows in a file: a line is added for each, so that a run that is killed has lost none.

    Args:
        path: the file.
        columns: of the rows.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.file, self._path, self._columns = str(path), path, columns
        self._lines: IO[bytes] | None = None

    def read(self) -> str:
        if not self._path.exists():
            return ""
        with self._path.open(newline="", encoding="utf-8", errors=_ERRORS) as lines:
            return lines.read()

    def save(self, rows: Iterable[Row]) -> None:
        make_folder(self._path.parent)
        write_whole(self._path, _encoded(rows, self._columns))

    def add(self, row: Row) -> None:
        try:
            if self._lines is None:
                self._lines = self._path.open("ab")
            self._lines.write(_encoded([row], self._columns, header=False))
            self._lines.flush()
        except OSError as error:
            raise OutputError(f"{self.file} cannot be written ({error.strerror})") from error

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
            self._lines = None


class StoredRows:
    """Rows in a storage, where nothing can be added to a file: new ones go beside it, some at a time, into
    `NAME.parts/`, until all are saved again. A run that is killed has lost those of its last seconds.

    Args:
        url: of the file.
        columns: of the rows.
    """

    def __init__(self, url: str, columns: Sequence[str]) -> None:
        self.file, self._columns = url, columns
        self._parts = f"{url}.parts"
        self._waiting: list[Row] = []
        self._sent, self._last = 0, 0.0

    def read(self) -> str:
        whole = read(self.file) if kind_at(self.file) else b""
        with Threads(_AT_ONCE) as threads:
            parts = list(threads.run(read, [entry.url for entry in listed(self._parts)]))
        return b"".join([whole, *parts]).decode("utf-8", _ERRORS)

    def save(self, rows: Iterable[Row]) -> None:
        write(self.file, _encoded(rows, self._columns))
        remove(entry.url for entry in listed(self._parts))

    def add(self, row: Row) -> None:
        self._waiting.append(dict(row))
        if time.monotonic() - self._last > _PATIENCE or len(self._waiting) >= _TOGETHER:
            self._send()

    def close(self) -> None:
        self._waiting.clear()
        self._sent = 0

    def _send(self) -> None:
        data = _encoded(self._waiting, self._columns, header=False)
        self._last = time.monotonic()
        try:
            write(join(self._parts, f"{self._sent:06d}.csv"), data)
        except OutputError as error:  # all is saved again at the end: the work need not stop for this
            _log.warning("%s; rows wait", error)
            return
        self._sent += 1
        self._waiting.clear()
