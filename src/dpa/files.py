"""Files that are there whole or not at all, folders, and folders that hold the results of one kind of run."""

import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dpa.errors import OutputError, reason


def output_error(path: Path, error: Exception) -> OutputError:
    """The sentence for a place that the system will not write to."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{path} cannot be written: the disk is full; free some space and run again")
    if number == errno.ENAMETOOLONG:
        return OutputError(f"{path.name[:40]}... is too long a name for this disk: choose a shorter one")
    return OutputError(f"{path} cannot be written ({reason(error)}): choose another place for the output")


def user_path(text: str | Path) -> Path:
    """The path that a user means: `~` is the home folder, and a name that begins with it is a name.

    Example:
        >>> user_path("~no-user-has-this-name.mp4").name
        '~no-user-has-this-name.mp4'
    """
    return Path(os.path.expanduser(text))


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors into an `OutputError` that names `path`."""
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from error


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A hidden name in a file's folder to write to, renamed to the file's when the block ends well.

    Raises:
        OSError: the renaming fails; the hidden file is removed then, as after any error in the block.
    """
    target = path.resolve()  # a symbolic link stays one
    part = target.with_name(f".{target.name}.part{os.getpid()}")
    try:
        yield part
        part.replace(target)
    finally:
        with suppress(OSError):  # where the folder itself is none
            part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file: it is there whole or not at all, and what was there stays until then.

    Raises:
        OutputError: it cannot be written.
    """
    with output_errors(path), aside(path) as part:
        part.write_bytes(data)


def write_json(path: Path, values: object) -> None:
    """Write JSON for people to read, see `write_whole`."""
    write_whole(path, (json.dumps(values, indent=2) + "\n").encode())


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where it is missing.

    Raises:
        OutputError: it cannot be made, or a file has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error


def claim(file: Path, record: Mapping[str, Any], results: Iterable[Path], differs: str, mend: str) -> None:
    """Take a folder for results that are made as a record says: a new one, or one that has such results.

    Args:
        file: where the record lies in the folder; written, and the folder made, if it is not there.
        record: all that decides what the results are, as JSON values.
        results: what lies in the folder already of the kind that is to be written.
        differs: the clause for another record, "the masks there were made with other settings".
        mend: what to do then, "choose another folder".

    Raises:
        OutputError: the record there is another one or cannot be read, or there are results without one.
    """
    if file.exists():
        check_same(file, read_record(file, mend), record, differs, mend)
        return
    for path in results:
        raise OutputError(f"{path}: is there, but no {file} to say how it was made: {mend}")
    make_folder(file.parent)
    write_json(file, record)


def read_record(file: Path, mend: str) -> dict[str, Any]:
    """The record of a folder.

    Raises:
        OutputError: it cannot be read.
    """
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"{file}: cannot be read as a record: {mend}") from error


def check_same(
    file: Path, before: Mapping[str, Any], record: Mapping[str, Any], differs: str, mend: str
) -> None:
    """Compare a folder's record with that of a run, see `claim`.

    Raises:
        OutputError: names every key that differs, with both values.
    """
    record = json.loads(json.dumps(record))  # as it was read: tuples are lists
    keys = [key for key in {**record, **before} if before.get(key) != record.get(key)]
    if keys:
        differences = "; ".join(f"{key}: {before.get(key)} there, {record.get(key)} now" for key in keys)
        raise OutputError(f"{file}: {differs} ({differences}): {mend}")
