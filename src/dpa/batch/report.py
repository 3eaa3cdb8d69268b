"""report.csv: a row for every result of a folder, what it was made of, and how far a run has come."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dpa.batch.job import OF_RUN, Job, Row
from dpa.batch.rows import Rows, rows_of
from dpa.errors import OutputError
from dpa.storage.files import listed
from dpa.storage.urls import is_stored, is_url, name_of

FILE = "report.csv"
COLUMNS = ("name", "input", "outputs", "state", "frames", "seconds", "problem", "warnings", "settings")
WAITING, REFUSED = "waiting", "refused"
"""States beside those of `Row`: not yet done, and an output that is there and is not of this report."""
_MEND = "choose another folder, or --overwrite to make them anew"


class Report:
    """The report of a folder, taken for some jobs.

    It is written whole when it is taken and when it is closed; between, rows are added, see `dpa.batch.rows`.

    Args:
        folder: of the results, or its URL.
        jobs: all that are wanted.
        overwrite: make anew what is there.

    Attributes:
        folder, file: of the results, and the report's own.
        todo: the jobs that are left to do.
        kept: names of results that were there already.

    Raises:
        OutputError: results there were made of other inputs or with other settings, or the file cannot be
            read or written.
    """

    def __init__(self, folder: str | Path, jobs: Sequence[Job], overwrite: bool = False) -> None:
        self.folder, self._store = str(folder), rows_of(folder, FILE, COLUMNS)
        self.file = self._store.file
        self.jobs, self.todo, self.kept = {job.name: job for job in jobs}, list[Job](), list[str]()
        self._rows = _read(self._store)
        there = Presence()
        for job in jobs:
            self._take(job, overwrite, there)
        self._store.save(self._rows.values())
        self._added = False

    def add(self, row: Row) -> None:
        """Note what became of a job.

        Raises:
            OutputError: it cannot be written: a full disk, say.
        """
        facts = {"state": row.state, "frames": row.frames, "seconds": row.seconds, "problem": row.problem}
        facts |= {"warnings": " ".join(row.warnings)}
        self._rows[row.name] |= {name: str(value) for name, value in facts.items()}
        self._store.add(self._rows[row.name])
        self._added = True

    def close(self) -> None:
        """Put the file in order: one line a result."""
        if self._added:
            self._store.close()
            self._store.save(self._rows.values())
            self._added = False

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the jobs, as JSON values."""
        return [_values(self._rows[name]) for name in self.jobs]

    def _take(self, job: Job, overwrite: bool, presence: "Presence") -> None:
        was, facts = self._rows.get(job.name), _facts(job, self.folder)
        there = [output for output, _ in job.outputs if presence.of(output)]
        ours = was is not None and was["state"] != REFUSED
        whole = len(there) == len(job.outputs)
        if was is not None and was["state"] in ("done", "damaged") and whole and not overwrite:
            self._check(job, was, facts)
            self.kept.append(job.name)
            return
        self._rows[job.name] = dict.fromkeys(COLUMNS, "") | facts | {"name": job.name, "state": WAITING}
        if there and not (ours or overwrite):
            problem = f"{there[0]} exists already: choose another folder, or use --overwrite"
            self._rows[job.name] |= {"state": REFUSED, "problem": problem}
            return
        same = was is not None and ours and all(was[name] == value for name, value in facts.items())
        folders = all(not Path(output).suffix or output.endswith("/") for output, _ in job.outputs)
        found = is_stored(job.source) or os.path.exists(str(job.source))
        resume = same and folders and not overwrite and found
        # What is there by now is of an attempt whose process died: of this run or the one before.
        self.todo.append(replace(job, overwrite=True, resume=resume))

    def _check(self, job: Job, was: dict[str, str], facts: dict[str, str]) -> None:
        if was["input"] != facts["input"]:
            raise OutputError(
                f"{self.file}: {job.name} there is the result of {was['input']}, not of {facts['input']}: "
                + _MEND
            )
        for name in ("settings", "outputs"):
            if was[name] != facts[name]:
                raise OutputError(
                    f"{self.file}: {job.name} there was made with other {name} ({was[name] or 'defaults'} "
                    f"there, {facts[name] or 'defaults'} now): {_MEND}"
                )


class Presence:
    """Which results are there: on this machine, or in a storage, whose folders are listed once each."""

    def __init__(self) -> None:
        self._listed: dict[str, set[str]] = {}

    def of(self, output: str) -> bool:
        if not is_url(output):
            return os.path.exists(output)
        folder, _, name = output.rstrip("/").rpartition("/")
        if folder not in self._listed:
            self._listed[folder] = {name_of(entry.url) for entry in listed(folder)}
        return name in self._listed[folder]


def _facts(job: Job, folder: str) -> dict[str, str]:
    """What a result is made of, as the report has it."""
    source = str(job.source)
    places = {output: _below(output, folder) for output, _ in job.outputs}
    settings = {k: v for k, v in sorted(job.settings.items()) if k not in OF_RUN}
    settings |= {"rate": job.rate} if job.rate else {}
    settings |= {} if job.source_alpha else {"source_alpha": False}
    settings |= {"hdr": True} if job.hdr else {}
    return {
        "input": source if is_url(source) else os.path.abspath(source),
        "outputs": "; ".join(f"{kind}: {places[output]}" for output, kind in job.outputs),
        "settings": json.dumps(settings, default=str) if settings else "",
    }


def _values(row: dict[str, str]) -> dict[str, Any]:
    numbers = {"frames": int(row["frames"] or 0), "seconds": float(row["seconds"] or 0)}
    return row | numbers | {"settings": json.loads(row["settings"] or "{}")}


def _below(output: str, folder: str) -> str:
    if is_url(output):
        return output.removeprefix(folder.rstrip("/")).strip("/")
    return Path(os.path.relpath(output, folder)).as_posix()


def _read(store: Rows) -> dict[str, dict[str, str]]:
    """The rows by name, the last of each; a line that was torn off is passed over."""
    try:
        text = store.read()
        if not text:
            return {}
        whole, _, _ = text.rpartition("\n")
        reader = csv.DictReader(io.StringIO(whole, newline=""))
        rows = [row for row in reader if None not in row and None not in row.values()]
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(reader.fieldnames)
    except (OSError, ValueError, csv.Error) as error:
        raise OutputError(f"{store.file}: not a report of results; choose another folder") from error
    return {row["name"]: row for row in rows}
