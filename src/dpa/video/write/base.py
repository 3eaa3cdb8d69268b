"""What every sink has in common, and how things are put in place only when they are whole."""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import av

from dpa.errors import OutputError
from dpa.files import output_error
from dpa.video.segmented import Segmented

S = TypeVar("S", bound="Sink")


class Sink(ABC):
    """Takes the results of one run, frame by frame and in order, and keeps none of them.

    As a context manager it closes on success and aborts after an exception. A source that is cut off is none:
    `Source.read` ends, and whoever reads asks `Source.check` when the sinks are closed.

    Attributes:
        path: where the result will be.
        encoder: name of the encoder that writes a video; "" for what is none.
        start: index of the first frame to write: above 0 where a folder is resumed. Earlier ones are ignored.
        warnings: what the result lacks though it is whole, a sentence each, such as sound that was left out.
    """

    path: Path
    encoder: str = ""
    start: int = 0

    def __init__(self) -> None:
        self.warnings: list[str] = []

    @abstractmethod
    def write(self, segmented: Segmented) -> None:
        """Writes one frame's result.

        Raises:
            OutputError: where it cannot be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Finishes the result and puts it in place.

        Raises:
            OutputError: where that is not possible; nothing that looks finished is left then.
        """

    @abstractmethod
    def abort(self) -> None:
        """Gives up: nothing that looks finished is left. May be called at any time, and after `close`."""

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns the system's errors, FFmpeg's included, into an `OutputError` that names `path`."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise output_error(path, error) from error


def claim_file(path: Path, overwrite: bool) -> Path:
    """Checks that a file can be written to `path`, and returns the temporary one to write to, empty and
    existing.

    Raises:
        OutputError: where `path` exists (without `overwrite`), is a folder, or its folder is not writable.
    """
    with output_errors(path):
        is_folder, is_there = path.is_dir(), path.exists()
    if is_folder:
        raise OutputError(f"{path} is a folder, not a file: choose another name")
    if is_there and not overwrite:
        raise OutputError(f"{path} exists already: choose another name or use --overwrite")
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.part")
    with output_errors(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("wb").close()
    return temporary


def put_in_place(temporary: Path, path: Path) -> None:
    """Renames a whole file to its name, or to that of the file that a symbolic link there stands for.

    Raises:
        OSError: where that fails.
    """
    os.replace(temporary, path.resolve())


def remove(path: Path) -> None:
    """Deletes a file or a folder if it is there, as far as the system allows."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            os.unlink(path)
        except OSError:
            return
