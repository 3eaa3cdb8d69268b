"""Pictures in a folder: the one listing and the one order, which every verb uses."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from dpa.errors import InputError
from dpa.video.images import IMAGE_SUFFIXES


def list_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder in natural order; hidden files, folders and other files are passed over.

    Raises:
        InputError: the folder is not there, or cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_listed(entry.name) and entry.is_file()]
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no such folder") from error
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror})") from error
    return [folder / name for name in sorted(names, key=natural_key)]


def by_stem(pictures: Iterable[Path]) -> dict[str, Path]:
    """Pictures by their names without suffix, in the order given.

    Raises:
        InputError: two of one name.
    """
    found: dict[str, Path] = {}
    for path in pictures:
        if path.stem in found:
            raise InputError(f"{path} and {found[path.stem].name}: two pictures of one name; remove one")
        found[path.stem] = path
    return found


def is_listed(name: str) -> bool:
    """Whether a file of this name is listed: a picture's suffix, and not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def natural_key(path: str | Path) -> tuple[list[tuple[bool, int, str]], str]:
    """Sorting key by file name that puts frame2 before frame10."""
    name = path if isinstance(path, str) else path.name
    parts = re.split(r"(\d+)", name.lower())
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts], name
