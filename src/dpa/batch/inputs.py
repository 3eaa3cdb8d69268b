"""What is to be segmented, from the words of a command: files, folders, globs, lists, manifests."""

import csv
import glob
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from dpa.config import nearest
from dpa.engine.config import SegmenterConfig
from dpa.errors import InputError
from dpa.video.listing import is_listed
from dpa.video.read import VIDEO_SUFFIXES

MANIFESTS = (".csv", ".jsonl")
OWN = ("input", "output", "kind")
"""Columns of a manifest beside the settings."""
_OF_ALL = ("device", "threads", "compiled")  # settings of a run, not of a video
_URL = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True)
class Video:
    """One input.

    Attributes:
        source: what `dpa.video.read.open_source` opens.
        place: what its result is to be called: its name, or its path below the folder that was given.
        output: a name of its own for the result, from a manifest; "" for none.
        kind: of the result, from a manifest; "" for that of the run.
        settings: of `SegmenterConfig`, from a manifest.
    """

    source: str
    place: str
    output: str = ""
    kind: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def is_many(words: list[str], recursive: bool) -> bool:
    """Whether words stand for several videos, be they none or one in the end, and not for one input."""
    if len(words) > 1 or recursive:
        return True
    word, path = words[0], Path(words[0]).expanduser()
    if word.startswith("@") or (path.suffix.lower() in MANIFESTS and os.path.isfile(path)):
        return True
    if os.path.isdir(path):  # of pathlib's own, some raise where a name is too long
        return not _is_frames(path) and bool(_videos_in(path))
    if not _is_glob(word):
        return False
    matches = _matches(word)
    return bool(matches) and not any(is_listed(os.path.basename(match)) for match in matches)


def expand(words: Iterable[str], recursive: bool = False, leave_out: Path | None = None) -> Iterator[Video]:
    """The videos that words stand for, in the order given; what cannot be found is left for who opens it.

    Args:
        words: names of files, folders and URLs; globs, with ** for any depth; @FILE with such words, one a
            line; manifests, see `read_manifest`.
        recursive: look for videos in the folders' folders too. A folder of frames is one video, unless videos
            lie beside them.
        leave_out: a folder that is not looked into: that of the results.

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
        path = Path(word).expanduser()
        if word == "-" or word.isdecimal():
            raise InputError(f"{word} is not among what can be segmented beside others: give it alone")
        if word.startswith("@"):
            lines = _lines(Path(word[1:]).expanduser())
            for line in lines:
                yield from _expand(line, recursive, leave_out)
        elif path.suffix.lower() in MANIFESTS and os.path.isfile(path):
            yield from read_manifest(path)
        else:
            yield from _expand(word, recursive, leave_out)


def _expand(word: str, recursive: bool, leave_out: Path | None) -> Iterator[Video]:
    path = Path(word).expanduser()
    if _URL.match(word):
        yield Video(word, re.split(r"[?#]", word)[0].rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0])
    elif os.path.isdir(path):
        yield from _of_folder(path, recursive, leave_out)
    elif _is_glob(word):
        yield from _of_glob(word, recursive, leave_out)
    else:
        yield Video(str(path), path.stem)


def _of_folder(folder: Path, recursive: bool, leave_out: Path | None) -> Iterator[Video]:
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
        videos = sorted(name for name in files if _is_video(name))
        place = here.relative_to(folder)
        if videos:
            yield from (Video(str(here / name), (place / name).with_suffix("").as_posix()) for name in videos)
        elif _is_frames(here):
            yield Video(str(here), place.as_posix() if place.parts else here.resolve().name)
            folders[:] = [name for name in folders if name != "RGB"]
        found = found or bool(videos) or _is_frames(here)
    if not found:
        yield Video(str(folder), folder.resolve().name)


def _of_glob(word: str, recursive: bool, leave_out: Path | None) -> Iterator[Video]:
    matches = _matches(word)
    names = [name for name in matches if os.path.isdir(name) or _is_video(name)]
    names = names or [name for name in matches if not is_listed(os.path.basename(name))]
    if not names:  # pictures are the frames of one video; nothing is an error where it is opened
        yield Video(word, Path(word).parent.name or "pictures")
    top = _fixed(word)
    for name in names:
        if _same(Path(name), leave_out):
            continue
        below = Path(os.path.relpath(name, top))
        if not os.path.isdir(name):
            yield Video(name, below.with_suffix("").as_posix())
            continue
        for video in _of_folder(Path(name), recursive, leave_out):
            own = video.source == str(Path(name))
            yield Video(video.source, below.as_posix() if own else (below / video.place).as_posix())


def read_manifest(path: Path) -> Iterator[Video]:
    """The videos of a table: CSV with a line of names, or JSON, an object a line.

    Columns are `input`, and as wanted `output`, `kind` and any setting of `SegmenterConfig` but those of the
    whole run (device, threads, compiled). What is empty or null is as on the command line.

    Raises:
        InputError: it cannot be read, has no column `input`, an unknown one, or a value of a wrong type.
    """
    hints = {n: hint for n, hint in get_type_hints(SegmenterConfig).items() if n not in _OF_ALL}
    rows = _csv(path) if path.suffix.lower() == ".csv" else _jsonl(path)
    for line, row in rows:
        given = {str(name).strip(): value for name, value in row.items() if value not in ("", None)}
        for name in given:
            if name not in hints and name not in OWN:
                raise InputError(f"{path}: there is no column {name!r}{nearest(name, [*OWN, *hints])}")
        if "input" not in given:
            raise InputError(f"{path}, line {line}: nothing in the column input")
        settings = {
            name: _value(value, hints[name], f"{path}, line {line}: {name}")
            for name, value in given.items()
            if name in hints
        }
        source, output, kind = (str(given.get(name, "")) for name in OWN)
        yield Video(source, Path(source).stem, output, kind, settings)


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(_read(path).splitlines())
    for row in reader:
        if None in row:
            raise InputError(f"{path}, line {reader.line_num}: more values than there are columns")
        yield reader.line_num, row


def _jsonl(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(_read(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: not an object, {{...}}")
        yield number, row


def _value(value: Any, hint: Any, where: str) -> Any:
    """A value as the setting's type, from a word or from JSON."""
    kinds = {kind.__name__ for kind in getattr(hint, "__args__", (hint,))}
    text = str(value).strip()
    try:
        if "bool" in kinds:
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
                text.lower()
            ]
        if "int" in kinds:
            return int(text)
        return float(text) if "float" in kinds else text
    except (KeyError, ValueError) as error:
        wanted = "true or false" if "bool" in kinds else "a whole number" if "int" in kinds else "a number"
        raise InputError(f"{where} is {wanted}, not {value!r}") from error


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in _read(path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a list of inputs") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: it is not text in UTF-8") from error


def _is_glob(word: str) -> bool:
    return glob.has_magic(word) and not os.path.exists(Path(word).expanduser())


def _matches(word: str) -> list[str]:
    return sorted(glob.glob(str(Path(word).expanduser()), recursive=True))


def _fixed(word: str) -> str:
    """The folder of a glob: what stands before its first pattern."""
    parts = Path(word).expanduser().parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    return str(Path(*parts[:first])) if first else "."


def _is_frames(folder: Path) -> bool:
    places = (folder, folder / "RGB")
    return any(is_listed(e.name) and e.is_file() for p in places if p.is_dir() for e in os.scandir(p))


def _videos_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if _is_video(entry.name) and entry.is_file())


def _is_video(name: str) -> bool:
    path = Path(name)
    return not path.name.startswith(".") and path.suffix.lower() in VIDEO_SUFFIXES


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()
