"""The data sets that can be prepared, and preparing one: what is to be done, then doing it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dpa.datasets.layout import IMAGES
from dpa.errors import InputError, OutputError
from dpa.files import write_whole
from dpa.prepare import davis, duts, fbms, folder, longvideos, moca, segtrack, vsod, ytobj, ytvos
from dpa.prepare.archive import Archive
from dpa.prepare.film import write_film
from dpa.prepare.records import Clip, Entry, Film, Options, Part
from dpa.prepare.write import Present, Result, Shelf, write_entry
from dpa.processes import spread

RECORD = "prepare.json"
_AT_ONCE = 32  # pictures that a process takes at a time


@dataclass(frozen=True)
class Converter:
    """A data set that can be prepared.

    Attributes:
        convert: finds it in an archive.
        options: which of `Options` have a meaning for it.
    """

    convert: Callable[[Archive, Options], list[Part]]
    options: frozenset[str] = frozenset()


CONVERTERS = {
    "duts": Converter(duts.convert),
    "davis": Converter(davis.convert, frozenset({"year"})),
    "ytvos": Converter(ytvos.convert),
    "fbms": Converter(fbms.convert, frozenset({"frames"})),
    "ytobj": Converter(ytobj.convert, frozenset({"frames"})),
    "longvideos": Converter(longvideos.convert, frozenset({"frames"})),
    "davsod": Converter(vsod.convert_davsod, frozenset({"frames"})),
    "visal": Converter(vsod.convert_visal, frozenset({"frames"})),
    "segtrack-v2": Converter(segtrack.convert),
    "moca": Converter(moca.convert, frozenset({"frames"})),
    "folder": Converter(folder.convert, frozenset({"frames", "images", "masks", "threshold"})),
}


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        dataset: a name of `CONVERTERS`.
        source: where it comes from.
        target: where it goes.
        options: as they were given.
        parts: the data sets that come out.
    """

    dataset: str
    source: Path
    target: Path
    options: Options
    parts: tuple[Part, ...]

    @property
    def results(self) -> int | None:
        """How many results `write` gives; None where that is seen only by reading the videos."""
        total = 0
        for part in self.parts:
            total += len(part.problems)
            for clip in part.clips:
                if isinstance(clip, Film):
                    return None
                total += clip.kept
        return total

    def claim(self) -> None:
        """Write into each data set's folder what it is, making sure that nothing else is there.

        Raises:
            OutputError: pictures of unknown origin are there, or what was prepared otherwise.
        """
        for part in self.parts:
            record: dict[str, object] = {"dataset": self.dataset, "part": part.name, **self.options.given()}
            if self.dataset == "folder":
                record["source"] = self.source.resolve().name
            _claim(self.target / part.name, record)


def plan(dataset: str, source: Path, target: Path, options: Options | None = None) -> Plan:
    """Find a data set in an archive; writes nothing.

    Args:
        dataset: a name of `CONVERTERS`.
        source: the archive: a zip file, a folder with zip files, or what was unpacked of them.
        target: the folder under which the data sets come to lie (`TARGET/DAVIS_train`, ...).
        options: None for the data set's own.

    Raises:
        InputError: unknown data set, an option that it does not have, or the source is not of its structure.
        OutputError: the target is the source.
    """
    options = options or Options()
    if dataset not in CONVERTERS:
        raise InputError(f"unknown data set {dataset!r}: choose one of {', '.join(CONVERTERS)}")
    if source.resolve() == target.resolve():
        raise OutputError(f"{target}: the source itself is there: choose another target")
    for name in options.given():
        if name not in CONVERTERS[dataset].options:
            raise InputError(f"--{name} has no meaning for {dataset}: leave it out")
    parts = CONVERTERS[dataset].convert(Archive(source, skip=target), options)
    return Plan(dataset, source, target, options, tuple(parts))


def write(work: Plan, processes: int = 1) -> Iterator[Result]:
    """Write the pictures and masks that are not there yet.

    Args:
        work: of `plan`.
        processes: how many; 1 does it all in this one.

    Yields:
        What became of each frame. A file that cannot be read is a result too, and the rest is written.

    Raises:
        OutputError: a file cannot be written.
    """
    work.claim()
    tasks: list[_Task] = []
    there: dict[Path, Present] = {}
    for part in work.parts:
        yield from (Result(part.name, "failed", problem) for problem in part.problems)
        for clip in part.clips:
            at = work.target / clip.folder
            if isinstance(clip, Film):
                tasks.append(_Task(part.name, at, clip))
                continue
            if at not in there:  # all videos of a flat data set lie in one folder
                there[at] = Shelf(at).present()
            missing = _missing(clip, there[at])
            yield from (Result(part.name, "kept") for _ in range(clip.kept - len(missing)))
            for start in range(0, len(missing), _AT_ONCE):
                some = tuple(missing[start : start + _AT_ONCE])
                tasks.append(_Task(part.name, at, Clip(clip.folder, some, clip.rule)))
    yield from spread(_write, tasks, processes)


@dataclass(frozen=True)
class _Task:
    """One process's next work: `folder` is the clip's, as a path."""

    part: str
    folder: Path
    clip: Clip | Film


def _write(task: _Task) -> Iterator[Result]:
    if isinstance(task.clip, Film):
        yield from write_film(task.clip, task.part, task.folder)
        return
    for entry in task.clip.entries:
        try:
            write_entry(Shelf(task.folder), entry, task.clip.rule)
        except InputError as error:
            yield Result(task.part, "failed", str(error))
        else:
            yield Result(task.part, "written")


def _missing(clip: Clip, there: Present) -> list[Entry]:
    """The frames that are to be written."""
    return [
        entry
        for entry in clip.entries
        if entry.kept
        and not (entry.name in there.pictures and (not entry.annotated or entry.name in there.masks))
    ]


def _claim(root: Path, record: dict[str, object]) -> None:
    file = root / RECORD
    if file.exists():
        try:
            before = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise OutputError(f"{file}: cannot be read: choose another target") from error
        if before != record:
            was, now = (", ".join(f"{k} {v}" for k, v in r.items()) for r in (before, record))
            raise OutputError(f"{file}: the data there are {was}; not {now}: choose another target")
        return
    if (root / IMAGES).is_dir() or any(root.glob(f"*/{IMAGES}")):
        raise OutputError(f"{root}: there are pictures, but no {RECORD} to say whence: choose another target")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{root}: cannot be made: {error.strerror}") from error
    write_whole(file, (json.dumps(record, indent=2) + "\n").encode())
