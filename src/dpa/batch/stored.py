"""The videos that URLs stand for: files, folders and globs in a storage."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from dpa.batch.video import Video, is_video
from dpa.storage.files import kind_at, listed, matches, walked
from dpa.storage.urls import is_glob, is_stored, join, name_of, path_of, stem_of
from dpa.video.listing import is_listed


def is_many(url: str) -> bool:
    """Whether a URL stands for several videos, see `dpa.batch.inputs.is_many`."""
    if is_glob(url):
        names = [name_of(entry.url) for entry in matches(url)]
        return bool(names) and not any(map(is_listed, names))
    if _is_file(url):
        return False
    names = [name_of(entry.url) for entry in listed(url) if not entry.is_folder]
    return any(map(is_video, names)) and not any(map(is_listed, names))


def expand(url: str, recursive: bool, leave_out: str | Path | None) -> Iterator[Video]:
    """The videos that a URL stands for, see `dpa.batch.inputs.expand`."""
    if not is_stored(url) or (not is_glob(url) and (_is_file(url) or kind_at(url) != "folder")):
        yield Video(url, stem_of(url))
    elif is_glob(url):
        yield from _of_glob(url, recursive, leave_out)
    elif recursive:
        yield from _below(url.rstrip("/"), leave_out)
    else:
        yield from _of_folder(url.rstrip("/"))


def _of_folder(url: str) -> Iterator[Video]:
    names = [name_of(entry.url) for entry in listed(url) if not entry.is_folder]
    videos = [] if any(map(is_listed, names)) else [name for name in names if is_video(name)]
    yield from (Video(join(url, name), posixpath.splitext(name)[0]) for name in videos)
    if not videos:
        yield Video(url, name_of(url))


def _below(url: str, leave_out: str | Path | None) -> Iterator[Video]:
    """Videos, and folders of frames, however deep; one listing of all that is there."""
    folders: dict[str, list[str]] = defaultdict(list)
    for file in walked(url):
        if not _is_result(file, url, leave_out):
            folder, name = posixpath.split(file)
            folders[folder].append(name)
    frames = {folder for folder, names in folders.items() if any(map(is_listed, names))}
    videos = {folder for folder, names in folders.items() if any(map(is_video, names))}
    found = False
    for folder in sorted({*folders, *map(posixpath.dirname, frames)}):
        here = folder[len(url) + 1 :]
        own = folder in frames and not _is_rgb_of(folder, frames, videos)
        if folder in videos:
            names = sorted(filter(is_video, folders[folder]))
            yield from (Video(join(folder, n), posixpath.join(here, posixpath.splitext(n)[0])) for n in names)
        elif own or join(folder, "RGB") in frames:
            yield Video(folder, here or name_of(url))
        else:
            continue
        found = True
    if not found:
        yield Video(url, name_of(url))


def _is_result(url: str, top: str, leave_out: str | Path | None) -> bool:
    """Whether something below `top` is the folder of the results or lies in it; not if `top` does too."""
    if leave_out is None:
        return False
    results = f"{str(leave_out).rstrip('/')}/"
    return f"{url}/".startswith(results) and not f"{top}/".startswith(results)


def _is_rgb_of(folder: str, frames: set[str], videos: set[str]) -> bool:
    """Whether the folder above is the video whose frames these are."""
    return name_of(folder) == "RGB" and posixpath.dirname(folder) not in videos


def _of_glob(pattern: str, recursive: bool, leave_out: str | Path | None) -> Iterator[Video]:
    found = [(entry, name_of(entry.url)) for entry in matches(pattern)]
    wanted = [entry for entry, name in found if entry.is_folder or is_video(name)]
    wanted = wanted or [entry for entry, name in found if not is_listed(name)]
    if not wanted:  # pictures are the frames of one video; nothing is an error where it is opened
        yield Video(pattern, name_of(pattern.rpartition("/")[0]) or "pictures")
    fixed = re.split(r"[*\[]", path_of(pattern))[0].rpartition("/")[0]
    top = f"{pattern.partition('://')[0]}://{fixed}"
    for entry in wanted:
        below = path_of(entry.url)[len(fixed) :].lstrip("/")
        if _is_result(entry.url, top, leave_out):
            continue
        if not entry.is_folder:
            yield Video(entry.url, posixpath.splitext(below)[0])
            continue
        for video in _below(entry.url, leave_out) if recursive else _of_folder(entry.url):
            own = video.source == entry.url
            yield Video(video.source, below if own else posixpath.join(below, video.place))


def _is_file(url: str) -> bool:
    """Whether a name alone says that it is a file's, so that nobody needs to ask for it."""
    return not url.endswith("/") and (is_video(name_of(url)) or is_listed(name_of(url)))
