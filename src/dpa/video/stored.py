"""Pictures in a storage: brought here whole, as they are read more than once and each is small."""

from pathlib import Path
from tempfile import TemporaryDirectory

from dpa.errors import InputError
from dpa.storage.files import Entry, kind_at, listed, matches
from dpa.storage.transfer import fetch
from dpa.storage.urls import is_glob, join, name_of, suffix_of
from dpa.video.images import IMAGE_SUFFIXES
from dpa.video.listing import is_listed

ANIMATIONS = frozenset({".gif", ".apng"})
_PICTURES = IMAGE_SUFFIXES | ANIMATIONS


def pictures_at(url: str) -> tuple["TemporaryDirectory[str]", Path] | None:
    """Fetches the pictures that a URL stands for: a picture or an animation, a folder of frames, a glob.

    Returns:
        A folder that is to be removed, and what in it stands for the URL; None where that is another file.

    Raises:
        InputError: a folder or glob without pictures.
        DPAError: see `dpa.storage.files`.
    """
    urls, place = _found(url)
    if urls is None:
        return None
    folder = TemporaryDirectory(prefix="dpa-")
    try:
        whole = Path(folder.name) / place
        fetch(urls, whole)
    except BaseException:
        folder.cleanup()
        raise
    if suffix_of(url) in _PICTURES and not is_glob(url):
        return folder, whole / name_of(url)
    return folder, whole


def is_frames(url: str) -> bool:
    """Whether a folder in a storage is a video, with its pictures in it or in a subfolder RGB."""
    return any(
        is_listed(name_of(entry.url)) and not entry.is_folder
        for place in (url, join(url, "RGB"))
        for entry in listed(place)
    )


def _found(url: str) -> tuple[list[str] | None, Path]:
    if is_glob(url):
        found = _listed(matches(url))
        if not found:
            raise InputError(f"{url} matches no picture")
        return found, Path(name_of(url.rpartition("/")[0]) or "pictures")
    if suffix_of(url) in _PICTURES:
        return [url], Path()
    if kind_at(url) != "folder":
        return None, Path()
    entries = listed(url)
    found, place = _listed(entries), Path(name_of(url))
    if not found:
        found, place = _listed(listed(join(url, "RGB"))), place / "RGB"
    if not found:
        raise InputError(f"{url} has no pictures in it")
    return found, place


def _listed(entries: list[Entry]) -> list[str]:
    return [e.url for e in entries if not e.is_folder and is_listed(name_of(e.url))]
