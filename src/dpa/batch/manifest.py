"""Lists and tables of inputs: @LIST, manifests in CSV and JSON lines."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, get_type_hints

from dpa.batch.job import OF_RUN
from dpa.batch.video import Video
from dpa.config import nearest
from dpa.engine.config import Settings, worded
from dpa.errors import InputError
from dpa.files import user_path
from dpa.storage.files import read
from dpa.storage.urls import is_stored, is_url, stem_of

MANIFESTS = (".csv", ".jsonl")
OWN = ("input", "output", "kind")
"""Columns of a manifest beside the settings."""


def is_manifest(word: str) -> bool:
    """Whether a name is that of a manifest: by its suffix, where there is a file or a URL of a storage."""
    if PurePath(word).suffix.lower() not in MANIFESTS:
        return False
    return is_stored(word) or user_path(word).is_file()


def read_manifest(path: str | Path) -> Iterator[Video]:
    """The videos of a table: CSV with a line of names, or JSON, an object a line.

    Columns are `input`, and as wanted `output`, `kind`, `quality` and any setting of `SegmenterConfig` but
    those of the whole run (device, threads, compiled). What is empty or null is as on the command line.

    Raises:
        InputError: it cannot be read, has no rows, no column `input`, an unknown one, or a value of a wrong
            type.
    """
    hints = {n: hint for n, hint in get_type_hints(Settings).items() if n not in OF_RUN}
    rows = list(_csv(path) if PurePath(path).suffix.lower() == ".csv" else _jsonl(path))
    if not rows:
        raise InputError(f"{path} names no inputs: give a row for each")
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
        try:
            settings = worded(settings)
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}") from error
        source, output, kind = (str(given.get(name, "")) for name in OWN)
        place = stem_of(source) if is_url(source) else Path(source).stem
        yield Video(source, place, output, kind, settings)


def _csv(path: str | Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(_read(path), newline=""), skipinitialspace=True)
    try:
        for row in reader:
            if None in row:
                raise InputError(f"{path}, line {reader.line_num}: more values than there are columns")
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{path}, after line {reader.line_num}: not CSV ({error})") from error


def _jsonl(path: str | Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(_lines(path), 1):
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


def read_list(path: str | Path) -> list[str]:
    """The lines of a list, those that are empty or begin with # left out.

    Raises:
        InputError: it cannot be read, or has none.
    """
    lines = (line.strip() for line in _lines(path))
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise InputError(f"{path} names no inputs: give one on every line")
    return names


def _lines(path: str | Path) -> list[str]:
    # Not splitlines(): names may hold what that takes for ends of lines, such as U+2028.
    return _read(path).split("\n")


def _read(path: str | Path) -> str:
    try:
        if is_stored(path):
            return read(str(path)).decode("utf-8-sig")
        return Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a list of inputs") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: it is not text in UTF-8") from error
