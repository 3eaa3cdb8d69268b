"""Files on their way from a storage, into it and inside it, several at a time."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from dpa.errors import InputError, OutputError
from dpa.files import make_folder
from dpa.processes import Threads
from dpa.storage.files import filesystem, insist, no_bucket, remove, walked
from dpa.storage.urls import is_url, join, name_of

T = TypeVar("T")

_AT_ONCE = 8  # files on their way
_ONE_REQUEST = 2**20  # bytes that surely go in one request, which is whole or fails


def upload(files: Iterable[tuple[Path, str]], done: Callable[[str], None] = lambda url: None) -> None:
    """Send files, each under its URL, several at a time; large ones in parts.

    Each is there whole or not at all; for large ones the size is asked for afterwards.

    Args:
        files: (file, URL) each.
        done: called with the URL of each that is there, from any thread.

    Raises:
        OutputError: one cannot be written; those before it are there.
        DPAError: see `filesystem`.
    """
    _together(lambda pair: _upload(*pair, done), files)


def _upload(file: Path, url: str, done: Callable[[str], None]) -> None:
    fs, path = filesystem(url)
    size = file.stat().st_size

    def put() -> None:
        fs.put_file(str(file), path)
        if size > _ONE_REQUEST and (there := fs.info(path)["size"]) != size:
            raise OSError(f"{there} of {size} bytes arrived")

    no_bucket(url, lambda: insist(put, url, OutputError))
    done(url)


def fetch(urls: Iterable[str], folder: Path) -> None:
    """Bring files here, several at a time, into a folder, which is made.

    Raises:
        InputError: one is not there or cannot be read.
        OutputError: the folder cannot be made.
        DPAError: see `filesystem`.
    """
    make_folder(folder)
    _together(lambda url: _fetch(url, folder / name_of(url)), urls)


def _fetch(url: str, file: Path) -> None:
    fs, path = filesystem(url)
    try:
        insist(lambda: fs.get_file(path, str(file)), url)
    except FileNotFoundError as error:
        raise InputError(f"{url} does not exist") from error


def copy(pairs: Mapping[str, str]) -> None:
    """Copy files inside a storage, from URL to URL, several at a time.

    Raises:
        InputError: one is not there.
        OutputError: one cannot be written.
        DPAError: see `filesystem`.
    """
    _together(lambda pair: _copy(*pair), pairs.items())


def _copy(source: str, target: str) -> None:
    fs, path = filesystem(source)
    try:
        insist(lambda: fs.cp_file(path, filesystem(target)[1]), target, OutputError)
    except FileNotFoundError as error:
        raise InputError(f"{source} does not exist") from error


def remove_tree(place: str, last: str) -> None:
    """Delete a folder, here or in a storage, as far as that is possible.

    Args:
        place: the folder.
        last: name of the file in it that goes when all others have gone.
    """
    if is_url(place):
        files = walked(place)
        end = join(place, last)
        remove(file for file in files if file != end)
        remove([end])
        return
    folder = Path(place)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != last:
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _together(work: Callable[[T], None], tasks: Iterable[T]) -> None:
    with Threads(_AT_ONCE) as threads:
        for _ in threads.run(work, tasks):
            pass
