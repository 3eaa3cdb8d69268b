"""Files in a storage are listed, fetched and written whole; what fails is tried again."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from dpa.errors import DPAError, InputError, MissingExtra, OutputError
from dpa.files import write_whole
from dpa.storage.urls import is_stored, is_url, join, name_of, scheme

T = TypeVar("T")

WAITS = [0.5, 2.0, 8.0]
"""Seconds before what failed is tried again; beside what the storage's own library does."""
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError)

_log = logging.getLogger("dpa.storage")


class Entry(NamedTuple):
    """What a listing says of a name: its URL, and whether it is a folder."""

    url: str
    is_folder: bool


def filesystem(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it.

    Raises:
        MissingExtra: fsspec, or its library for this scheme, is not installed.
        InputError: there is no such scheme, or its library lacks what it needs to know.
    """
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import get_filesystem_class

        library = get_filesystem_class(scheme(url)).__module__.partition(".")[0]
    except ImportError as error:
        raise MissingExtra(f"{scheme(url)}://", "cloud") from error
    except ValueError as error:
        raise InputError(f"{url}: there is no storage {scheme(url)}://, see docs/many.md") from error
    # Some tell of each try with a traceback, if nobody listens; what comes of it is a sentence here.
    _listen(library)
    try:
        fs, path = url_to_fs(url, **_options(url))
    except ValueError as error:
        raise InputError(
            f"{url} cannot be opened ({reason_of(error)}): check the name and your credentials"
        ) from error
    return fs, path


def _options(url: str) -> dict[str, Any]:
    if scheme(url) not in ("gs", "gcs"):
        return {}
    from dpa.storage.google import settings

    _listen("google")
    return settings()


@lru_cache
def _listen(library: str) -> None:
    logging.getLogger(library).addHandler(logging.NullHandler())


def insist(action: Callable[[], T], url: str, refused: type[DPAError] = InputError) -> T:
    """Do something with a storage, again and again where the network or the server fails.

    Args:
        action: what is done; more than once does no harm.
        url: what it is done with.
        refused: what is raised in the end.

    Raises:
        FileNotFoundError: there is nothing of that name.
        DPAError: `refused`, with a sentence, where it may not be done or still fails.
    """
    doing = "written" if refused is OutputError else "read"
    for wait in (*WAITS, None):
        try:
            return action()
        except FileNotFoundError:
            raise
        except DPAError:
            raise
        except Exception as error:  # each library has its own
            if isinstance(error, _FINAL) or "Credential" in type(error).__name__:
                raise refused(
                    f"{url} cannot be {doing}: the storage refuses it ({reason_of(error)}): check the name "
                    "and your credentials"
                ) from error
            if wait is None:
                tries = len(WAITS) + 1
                raise refused(
                    f"{url} cannot be {doing}: the storage failed {tries} times ({reason_of(error)})"
                ) from error
            _log.info("%s: %s; once more in %g s", url, reason_of(error), wait)
            time.sleep(wait)
    raise AssertionError


def reason_of(error: Exception) -> str:
    """What a storage's library says, as the middle of a sentence."""
    # By name too: before Python 3.11 asyncio has one of its own.
    if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError":
        return "no answer in time"
    return str(getattr(error, "strerror", None) or error or type(error).__name__).splitlines()[0].rstrip(".")


def exists(place: str | Path) -> bool:
    """Whether there is something of that name, on this machine or in a storage.

    Raises:
        DPAError: see `filesystem` and `insist`.
    """
    return kind_at(str(place)) is not None if is_url(str(place)) else Path(place).exists()


def kind_at(url: str) -> Literal["file", "folder"] | None:
    """What is there under a name; None for nothing.

    Raises:
        DPAError: see `filesystem` and `insist`.
    """
    fs, path = filesystem(url)
    fs.invalidate_cache()
    try:
        info = insist(lambda: fs.info(path), url)
    except FileNotFoundError:
        return None
    return "folder" if info["type"] == "directory" else "file"


def listed(url: str) -> list[Entry]:
    """What is in a folder, in order of names; nothing where there is no such folder.

    Raises:
        DPAError: see `filesystem` and `insist`.
    """
    # Asked first: for a name that is none, s3fs lists all that lies beside it.
    if kind_at(url) != "folder":
        return []
    fs, path = filesystem(url)
    found = insist(lambda: fs.ls(path, detail=True), url)
    inside = [one for one in found if one["name"].rstrip("/") != path.rstrip("/")]
    return sorted(
        Entry(join(url, name_of(f"x://{one['name']}")), one["type"] == "directory") for one in inside
    )


def walked(url: str) -> list[str]:
    """URLs of all files below a folder, in order of names.

    Raises:
        DPAError: see `filesystem` and `insist`.
    """
    fs, path = filesystem(url)
    fs.invalidate_cache()
    return [_url(url, found) for found in sorted(insist(lambda: fs.find(path), url))]


def matches(pattern: str) -> list[Entry]:
    """What a glob stands for; ** is any depth.

    Raises:
        DPAError: see `filesystem` and `insist`.
    """
    fs, path = filesystem(pattern)
    fs.invalidate_cache()
    found = insist(lambda: fs.glob(path, detail=True), pattern)
    return sorted(Entry(_url(pattern, name), one["type"] == "directory") for name, one in found.items())


def read(url: str) -> bytes:
    """A file's content.

    Raises:
        InputError: it is not there or cannot be read.
        DPAError: see `filesystem`.
    """
    fs, path = filesystem(url)
    try:
        return insist(lambda: bytes(fs.cat_file(path)), url)
    except FileNotFoundError as error:
        raise InputError(f"{url} does not exist") from error


def write(url: str, data: bytes) -> None:
    """Write a small file, whole or not at all.

    Raises:
        OutputError: it cannot be written.
        DPAError: see `filesystem`.
    """
    fs, path = filesystem(url)
    no_bucket(url, lambda: insist(lambda: fs.pipe_file(path, data), url, OutputError))


def put(place: str | Path, data: bytes) -> None:
    """Write a small file, on this machine or in a storage, whole or not at all.

    Raises:
        OutputError: it cannot be written.
        DPAError: see `filesystem`.
    """
    if is_url(str(place)):
        check_writable(str(place))
        write(str(place), data)
    else:
        write_whole(Path(place), data)


def remove(urls: Iterable[str]) -> None:
    """Delete files, as far as the storage allows.

    Raises:
        DPAError: see `filesystem`.
    """
    for url in urls:
        fs, path = filesystem(url)
        try:
            fs.rm_file(path)
        except Exception as error:  # each library has its own
            _log.info("%s stays: %s", url, reason_of(error))


def check_writable(url: str) -> None:
    """Whether results may go to such a URL at all.

    Raises:
        OutputError: nothing can be written there.
    """
    if not is_stored(url):
        raise OutputError(f"{url}: nothing can be written to {scheme(url)}://: give a folder or a bucket")


def no_bucket(url: str, action: Callable[[], None]) -> None:
    """Do what writes a file; where nothing is found, it is the bucket that is missing.

    Raises:
        OutputError: there is no such bucket.
    """
    try:
        action()
    except FileNotFoundError as error:  # no such bucket
        raise OutputError(f"{url} cannot be written: there is no such bucket or container") from error


def _url(like: str, path: str) -> str:
    """The URL of a path that fsspec has found."""
    return f"{like.partition('://')[0]}://{os.fspath(path).lstrip('/')}"
