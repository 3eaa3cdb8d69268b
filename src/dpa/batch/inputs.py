"""What is to be segmented, from the words of a command: files, folders, globs, lists, manifests."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dpa.batch import stored
from dpa.batch.manifest import is_manifest, read_list, read_manifest
from dpa.batch.video import Video, is_video
from dpa.errors import InputError
from dpa.files import user_path
from dpa.storage.urls import is_stored, is_url
from dpa.video.listing import is_listed


def is_many(words: list[str], recursive: bool) -> bool:
    """Whether words stand for several videos, be they none or one in the end, and not for one input."""
    if len(words) > 1 or recursive:
        return True
    word, path = words[0], user_path(words[0])
    if word.startswith("@") or is_manifest(word):
        return True
    if is_url(word):
        return is_stored(word) and stored.is_many(word)
    if os.path.isdir(path):  # of pathlib's own, some raise where a name is too long
        return not _is_frames(path) and bool(_videos_in(path))
    if not _is_glob(word):
        return False
    matches = _matches(word)
    return bool(matches) and not any(is_listed(os.path.basename(match)) for match in matches)


def expand(
    words: Iterable[str], recursive: bool = False, leave_out: str | Path | None = None
) -> Iterator[Video]:
    """The videos that words stand for, in the order given; what cannot be found is left for who opens it.

    Args:
        words: names of files, folders and URLs; globs, with ** for any depth; @FILE with such words, one a
            line; manifests, see `read_manifest`.
        recursive: look for videos in the folders' folders too. A folder of frames is one video, unless videos
            lie beside them.
        leave_out: a folder that is not looked into: that of the results. It is where a folder or a glob in it
            is given by name.

    Raises:
        InputError: a list or manifest cannot be read, or pictures are given one by one.
    """
    words = list(words)
    if len(words) > 1 and all(is_listed(Path(word).name) for word in words):
        raise InputError(
            f"{words[0]} and {len(words) - 1} more pictures: for the frames of one video give their folder, "
            "or a glob in quotes; for one result a picture list them in a file and give @FILE"
        )
    for word in words:
        path = user_path(word)
        if word == "-" or word.isdecimal():
            raise InputError(f"{word} is not among what can be segmented beside others: give it alone")
        if word.startswith("@"):
            for line in read_list(word[1:] if is_url(word[1:]) else user_path(word[1:])):
                yield from _expand(line, recursive, leave_out)
        elif is_manifest(word):
            yield from read_manifest(word if is_url(word) else path)
        else:
            yield from _expand(word, recursive, leave_out)


def _expand(word: str, recursive: bool, leave_out: str | Path | None) -> Iterator[Video]:
    path = user_path(word)
    if is_url(word):
        yield from stored.expand(word, recursive, leave_out)
    elif os.path.isdir(path):
        yield from _of_folder(path, recursive, leave_out)
    elif _is_glob(word):
        yield from _of_glob(word, recursive, leave_out)
    else:
        yield Video(str(path), path.stem)


def _of_folder(folder: Path, recursive: bool, leave_out: str | Path | None) -> Iterator[Video]:
    if not recursive:
        videos = [] if _is_frames(folder) else _videos_in(folder)
        yield from (Video(str(folder / name), Path(name).stem) for name in videos)
        if not videos:
            yield Video(str(folder), folder.resolve().name)
        return
    found = False
    for root, folders, files in os.walk(folder, followlinks=True):
        here = Path(root)
        folders[:] = sorted(n for n in folders if n[0] != "." and not _same(here / n, leave_out))
        videos = sorted(name for name in files if is_video(name))
        place = here.relative_to(folder)
        if videos:
            yield from (Video(str(here / name), (place / name).with_suffix("").as_posix()) for name in videos)
        elif _is_frames(here):
            yield Video(str(here), place.as_posix() if place.parts else here.resolve().name)
            folders[:] = [name for name in folders if name != "RGB"]
        found = found or bool(videos) or _is_frames(here)
    if not found:
        yield Video(str(folder), folder.resolve().name)


def _of_glob(word: str, recursive: bool, leave_out: str | Path | None) -> Iterator[Video]:
    matches = _matches(word)
    names = [name for name in matches if os.path.isdir(name) or is_video(name)]
    names = names or [name for name in matches if not is_listed(os.path.basename(name))]
    if not names:  # pictures are the frames of one video; nothing is an error where it is opened
        yield Video(word, Path(word).parent.name or "pictures")
    top = _fixed(word)
    left_out = _found_again(names, top, leave_out)
    for name in names:
        if not left_out.isdisjoint(_way(name)):
            continue
        below = Path(os.path.relpath(name, top))
        if not os.path.isdir(name):
            yield Video(name, below.with_suffix("").as_posix())
            continue
        for video in _of_folder(Path(name), recursive, leave_out):
            own = video.source == str(Path(name))
            yield Video(video.source, below.as_posix() if own else (below / video.place).as_posix())


def _found_again(names: list[str], top: str, leave_out: str | Path | None) -> set[Path]:
    """The folder of the results, as a glob's matches name it; none where the glob itself begins in it."""
    folders = {folder for name in names for folder in _way(name)} - _way(top)
    return {folder for folder in folders if _same(folder, leave_out)}


def _way(name: str) -> set[Path]:
    """A path and all folders above it."""
    return {Path(name), *Path(name).parents}


def _is_glob(word: str) -> bool:
    return glob.has_magic(word) and not os.path.exists(user_path(word))


def _matches(word: str) -> list[str]:
    return sorted(glob.glob(str(user_path(word)), recursive=True))


def _fixed(word: str) -> str:
    """The folder of a glob: what stands before its first pattern."""
    parts = user_path(word).parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:first])) if first else "."


def _is_frames(folder: Path) -> bool:
    places = (folder, folder / "RGB")
    return any(is_listed(e.name) and e.is_file() for p in places if p.is_dir() for e in os.scandir(p))


def _videos_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if is_video(entry.name) and entry.is_file())


def _same(path: Path, other: str | Path | None) -> bool:
    return other is not None and not is_url(str(other)) and path.resolve() == Path(other).resolve()
