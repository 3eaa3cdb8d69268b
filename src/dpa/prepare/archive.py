"""The files of a public archive as one tree, unpacked or zipped; nothing is unpacked to disk to be read."""

import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from dpa.errors import InputError
from dpa.video.listing import natural_key

_ZIPS_DOWN_TO = 2  # folders below the source in which zip archives are looked into
_PLACES_DOWN_TO = 3  # folders down to what holds the expected structure; the name of a zip counts as one
# Pictures and videos are packed already; what shrinks so much is made to fill memory.
_LARGE, _DENSEST = 1 << 26, 100
# UnicodeDecodeError: a name that says it is UTF-8 and is not.
_DAMAGE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, readable in any process.

    Attributes:
        file: the file on disk, or the zip archive that holds it.
        inner: its name inside the zip; None for a file on disk.
    """

    file: str
    inner: str | None = None

    @property
    def name(self) -> str:
        return PurePosixPath(self.inner).name if self.inner is not None else Path(self.file).name

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """In lower case, with its dot."""
        return Path(self.name).suffix.lower()

    def __str__(self) -> str:
        return self.file if self.inner is None else f"{self.file}/{self.inner}"

    def read(self) -> bytes:
        """The whole file.

        Raises:
            InputError: it is not there, damaged, encrypted, packed in a way that Python cannot undo, a
                symbolic link in a zip archive, or made to fill memory.
        """
        try:
            if self.inner is None:
                return Path(self.file).read_bytes()
            archive = _opened(self.file)
            info = archive.getinfo(self.inner)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise InputError(f"{self}: is a symbolic link, which zip archives are not followed through")
            if info.file_size > _LARGE and info.file_size > _DENSEST * max(info.compress_size, 1):
                raise InputError(
                    f"{self}: unpacks to {info.file_size / 2**20:.0f} MiB, over {_DENSEST} times its size, "
                    "as no picture or video does: leave it out"
                )
            return archive.read(info)
        except _DAMAGE as error:
            raise InputError(f"{self}: cannot be read ({error})") from error

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The file as one on disk, for what reads nothing else (videos); a zipped one is unpacked meanwhile.

        Raises:
            InputError: see `read`.
        """
        if self.inner is None:
            yield Path(self.file)
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.name
            path.write_bytes(self.read())
            yield path


# One zip stays open in each process: its list of names is read once, not for every picture.
@lru_cache(maxsize=4)
def _opened(file: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(file)


class Archive:
    """A folder, a zip archive, or a folder with zip archives in it, as one tree.

    Paths are relative to the source, with `/`; a zip archive inside a folder counts as a folder of its name.
    Hidden files and what macOS adds to zip archives are passed over.

    Args:
        path: the folder or zip archive.
        skip: a folder that is left out, because this very run writes there.

    Raises:
        InputError: there is no such folder or zip archive, or a zip archive is not whole.
    """

    def __init__(self, path: Path, skip: Path | None = None) -> None:
        self.path = path
        self._files: dict[str, list[Member]] = {}
        self._folders: dict[str, list[str]] = {}
        self._packed: list[str] = []
        self._skip = None if skip is None else os.path.realpath(skip)
        if path.is_dir():
            self._walk(str(path), "", set())
        elif path.is_file():
            self._unzip(str(path), "")
        else:
            raise InputError(f"{path}: no such folder or zip archive")

    def folders(self, at: str = "") -> list[str]:
        """Names of the folders in a folder, in their natural order."""
        return sorted(self._folders.get(at, ()), key=natural_key)

    def files(self, at: str = "", suffixes: Iterable[str] | None = None) -> list[Member]:
        """Files of a folder, in the natural order of their names (frame2 before frame10).

        Args:
            at: the folder's path.
            suffixes: only files that end so, lower case with the dot.
        """
        found = self._files.get(at, ())
        wanted = None if suffixes is None else frozenset(suffixes)
        chosen = (member for member in found if wanted is None or member.suffix in wanted)
        return sorted(chosen, key=lambda member: natural_key(Path(member.name)))

    def has(self, at: str) -> bool:
        """Whether there is a folder of this path."""
        return at in self._folders

    def all_folders(self) -> list[str]:
        """Paths of all folders, those on disk before those in zip archives, nearest first."""
        return sorted(self._folders, key=lambda at: (".zip/" in f"{at}/".lower(), at.count("/"), at))

    def places(self, *inner: str) -> list[str]:
        """Folders at most two levels down that hold all these folders; the order is that of `all_folders`."""
        return [
            at
            for at in self.all_folders()
            if len(PurePosixPath(at).parts) <= _PLACES_DOWN_TO and all(self.has(join(at, i)) for i in inner)
        ]

    def ending(self, words: str) -> list[str]:
        """Folders as far down as `places` looks whose name ends so, in any case; `.zip` does not count."""
        return [
            at
            for at in self.all_folders()
            if len(PurePosixPath(at).parts) <= _PLACES_DOWN_TO
            and at.rsplit("/", 1)[-1].lower().removesuffix(".zip").endswith(words)
        ]

    def missing(self, what: str) -> InputError:
        """The error to raise where the structure is not there.

        Args:
            what: was looked for, e.g. "JPEGImages/480p with Annotations/480p beside it".
        """
        hint = f"; unpack {self._packed[0]} first" if self._packed else ""
        return InputError(f"{self.path}: {what} not found, neither there nor two folders down{hint}")

    def _walk(self, folder: str, at: str, seen: set[str]) -> None:
        real = os.path.realpath(folder)
        if real in seen or real == self._skip:
            return
        seen.add(real)
        self._folders.setdefault(at, [])
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise InputError(f"{folder}: cannot be read ({error.strerror})") from error
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir():
                self._walk(entry.path, join(at, entry.name), seen)
                if self.has(join(at, entry.name)):
                    self._folders[at].append(entry.name)
            elif entry.name.lower().endswith(".zip") and len(PurePosixPath(at).parts) <= _ZIPS_DOWN_TO:
                self._folders[at].append(entry.name)
                self._unzip(entry.path, join(at, entry.name))
            else:
                self._files.setdefault(at, []).append(Member(entry.path))
                if entry.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".rar", ".7z")):
                    self._packed.append(entry.name)

    def _unzip(self, file: str, at: str) -> None:
        try:
            names = _opened(file).namelist()
        except _DAMAGE as error:
            raise InputError(f"{file}: not a whole zip archive ({error}): download it again") from error
        self._folders.setdefault(at, [])
        for name in names:
            parts = PurePosixPath(name).parts
            if not parts or parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts):
                continue
            folder = at
            for part in parts if name.endswith("/") else parts[:-1]:
                if not self.has(join(folder, part)):
                    self._folders[folder].append(part)
                    self._folders[join(folder, part)] = []
                folder = join(folder, part)
            if not name.endswith("/"):
                self._files.setdefault(folder, []).append(Member(file, name))


def join(*parts: str) -> str:
    """Path parts joined by `/`; empty ones are left out."""
    return "/".join(part for part in parts if part)
