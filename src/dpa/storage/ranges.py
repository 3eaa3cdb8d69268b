"""A file in a storage that is read by ranges, as FFmpeg moves about in it."""

import os
import tempfile
import threading
from typing import IO, Any

from dpa.errors import DPAError, InputError
from dpa.storage.files import filesystem, insist
from dpa.storage.urls import is_web, name_of, stem_of, suffix_of

BLOCK = 4 * 2**20
"""Bytes that are asked for at once."""
_KEPT = 2**30  # bytes of a file that stay on this machine's disk, so that they come once


class NoParts(InputError):
    """A server gives a file whole, or for ever: it can be read once, as it comes."""


class Stored:
    """A file in a storage. Blocks of it are fetched when they are read, and kept in an unnamed local file.

    Several readers may be open, in several threads.

    Args:
        url: where it is.

    Attributes:
        url, name, stem, suffix: of the file.
        size: bytes.
        version: changes with the content, as far as the storage says so.
        failure: why it could not be read at some place, if that was so. FFmpeg takes such a place for the
            file's end, so who reads through it looks here.

    Raises:
        InputError: it is not there, or is a folder.
        NoParts: it cannot be read by ranges.
        DPAError: see `filesystem`.
    """

    def __init__(self, url: str) -> None:
        self.url, self.name, self.stem, self.suffix = url, name_of(url), stem_of(url), suffix_of(url)
        self.failure: DPAError | None = None
        self._fs, self._path = filesystem(url)
        try:
            info = insist(self._info, url)
        except FileNotFoundError as error:
            raise InputError(f"{url} does not exist") from error
        if info["type"] == "directory":
            raise InputError(f"{url} is a folder, not a file")
        if info["size"] is None:
            raise NoParts(f"{url}: its server does not give parts of it")
        self.size = int(info["size"])
        marks = (info.get(name) for name in ("ETag", "etag", "LastModified", "last_modified", "created"))
        self.version = f"{self.size} {next((mark for mark in marks if mark), '')}"
        self._slots: dict[int, int] = {}
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return self.url

    def open(self) -> "Reader":
        """A place in the file, as `av.open` takes it."""
        return Reader(self)

    def block(self, number: int) -> bytes:
        """Bytes from number * `BLOCK` on, `BLOCK` of them or what is left.

        Raises:
            InputError: the storage fails.
        """
        start = number * BLOCK
        length = min(BLOCK, self.size - start)
        with self._lock:
            if number in self._slots and self._file is not None:
                self._file.seek(self._slots[number] * BLOCK)
                return self._file.read(length)
        try:
            data = insist(lambda: self._range(start, length), self.url)
        except FileNotFoundError as error:
            self.failure = InputError(f"{self.url} has gone while it was read")
            raise self.failure from error
        except DPAError as error:
            self.failure = error
            raise
        with self._lock:
            self._keep(number, data)
        return data

    def close(self) -> None:
        """Give the local copy's room back."""
        with self._lock:
            self._forget()

    def _info(self) -> Any:
        if not is_web(self.url):
            return self._fs.info(self._path)
        from fsspec.asyn import sync

        return {"type": "file", "size": sync(self._fs.loop, _size_on_web, self._fs, self.url)}

    def _range(self, start: int, length: int) -> bytes:
        data = bytes(self._fs.cat_file(self._path, start=start, end=start + length))
        if len(data) != length:
            raise OSError(f"{len(data)} of {length} bytes came")
        return data

    def _keep(self, number: int, data: bytes) -> None:
        if number in self._slots:
            return
        slot = len(self._slots)
        if slot >= _KEPT // BLOCK:  # the oldest one makes room
            slot = self._slots.pop(next(iter(self._slots)))
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as this is
            self._file.seek(slot * BLOCK)
            if self._file.write(data) < len(data):
                raise OSError("only a part of the block fitted")
        except OSError:  # a full disk: what is read again is fetched again
            self._forget()
            return
        self._slots[number] = slot

    def _forget(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._slots.clear()


async def _size_on_web(fs: Any, url: str) -> int | None:
    """Bytes of a file on the web; None where its server gives no parts, or is none. fsspec does not ask."""
    from aiohttp import ClientConnectorError

    session = await fs.set_session()
    options = fs.kwargs | {"headers": {**fs.kwargs.get("headers", {}), "Range": "bytes=0-0"}}
    try:
        request = await session.get(fs.encode_url(url), **options)
    except ClientConnectorError:
        return None
    async with request as answer:
        if answer.status in (404, 410):
            raise FileNotFoundError(url)
        if answer.status in (401, 403):
            raise PermissionError(f"{answer.status} {answer.reason}")
        answer.raise_for_status()
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        return int(total) if answer.status == 206 and total.isdecimal() else None


class Reader:
    """A place in a `Stored` file, with what `av.open` needs of a file."""

    def __init__(self, stored: Stored) -> None:
        self.name = stored.name
        self._stored, self._place = stored, 0
        self._number, self._block = -1, b""

    @property
    def failure(self) -> DPAError | None:
        """See `Stored`."""
        return self._stored.failure

    def read(self, length: int) -> bytes:
        """At most `length` bytes, fewer at the end of a block, none at the file's."""
        if self._place >= self._stored.size:
            return b""
        number, inside = divmod(self._place, BLOCK)
        if number != self._number:
            self._number, self._block = number, self._stored.block(number)
        data = self._block[inside : inside + length]
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; gives it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._stored.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place
