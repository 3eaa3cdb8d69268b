"""Bytes that come once: standard input, named pipes, `<(...)` of a shell."""

import os
import select
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from dpa.errors import InputError

_PATIENCE = 0.1  # seconds between looks at whether anybody still wants what a pipe may bring
_CHUNK = 1 << 20
# Boxes of an MP4 that may come before its index are small; what is not found so far is not looked for.
_HEAD = 1 << 20


class Pipe:
    """Gives FFmpeg what has arrived: a plain read would wait until its whole buffer is full.

    Args:
        file: a binary file, as raw as possible.
        name: what to call it in sentences.
        owned: whether `close` closes the file.

    Attributes:
        stopped: set by another thread: no more is read, a read that waits included.
    """

    def __init__(self, file: BinaryIO, name: str, owned: bool = False) -> None:
        self.name, self.stopped, self._owned = name, False, owned
        self._file, self._ahead = file, b""
        self._read = getattr(file, "read1", file.read)
        try:
            select.select([file], [], [], 0)
            self._can_wait = True
        except (OSError, ValueError):  # no descriptor, or Windows, where only sockets can be waited for
            self._can_wait = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, at least one of them unless it ends."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        while not self.stopped:
            if not self._can_wait or select.select([self._file], [], [], _PATIENCE)[0]:
                return self._read(size)
        return b""

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer where it ends; they come again when they are read."""
        while len(self._ahead) < size:
            ahead, self._ahead = self._ahead, b""
            data = self.read(_CHUNK)
            self._ahead = ahead + data
            if not data:
                break
        return self._ahead[:size]

    def close(self) -> None:
        """Closes the file where it is owned; standard input stays open."""
        if self._owned:
            self._file.close()


def open_named(path: Path, patience: float) -> Pipe:
    """Opens a named pipe, or another file that is not a regular one.

    Args:
        patience: seconds to wait for somebody to write into it.

    Raises:
        InputError: where it cannot be opened, or nothing comes.
    """
    try:
        # Opened as usual, a pipe without a writer would hold the program up for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        file = os.fdopen(descriptor, "rb", buffering=0)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({(error.strerror or str(error)).lower()})") from error
    if not select.select([file], [], [], patience)[0]:
        file.close()
        raise InputError(f"{path}: nobody has written into this pipe for {patience:.0f} seconds")
    os.set_blocking(descriptor, True)
    return Pipe(file, str(path), owned=True)


def has_late_index(pipe: Pipe) -> bool:
    """Whether what comes is an MP4 with its index behind its pictures: it can only be read when whole."""
    place = 0
    while place < _HEAD:
        header = pipe.peek(place + 16)[place:]
        if len(header) < 16:
            return False
        size, kind = struct.unpack(">I4s", header[:8])
        if (place == 0 and kind != b"ftyp") or kind in (b"moov", b"moof"):
            return False
        if kind == b"mdat":
            return True
        size = struct.unpack(">Q", header[8:])[0] if size == 1 else size
        if size < 8:
            return False
        place += size
    return False


def spool(pipe: Pipe) -> Path:
    """Saves all that comes in a temporary file, which is then the caller's to delete.

    Raises:
        InputError: where there is no room for it.
    """
    with tempfile.NamedTemporaryFile(prefix="dpa-", suffix=".mp4", delete=False) as file:
        try:
            while data := pipe.read(_CHUNK):
                file.write(data)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(file.name)
            if isinstance(error, OSError):
                raise InputError(
                    f"{pipe.name} is an MP4 with its index at the end and must be saved whole, but "
                    f"{tempfile.gettempdir()} has no room for it: make the MP4 with -movflags faststart"
                ) from error
            raise
    return Path(file.name)
