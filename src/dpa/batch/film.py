"""Long videos: cut into parts that are jobs of their own, and put together again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from dpa._version import __version__
from dpa.batch.job import OF_RUN, Job, Piece, Row, attempt, opened
from dpa.batch.parts import bounds_of, load_facts, parts_of, save_facts
from dpa.engine.config import SegmenterConfig
from dpa.storage.files import exists, listed, put, read, remove
from dpa.storage.transfer import copy, fetch, remove_tree, upload
from dpa.storage.urls import is_url, join, name_of, suffix_of
from dpa.video.source import Source
from dpa.video.write import kind_of
from dpa.video.write.join import JOINED, join_parts

_FACTS, _JOINED = "facts.npz", "joined.json"


@dataclass(frozen=True)
class Joint:
    """The job of putting parts together.

    Attributes:
        job: the whole.
        parts: its parts, in order.
        rows: what became of each.
    """

    job: Job
    parts: tuple[Job, ...]
    rows: tuple[Row, ...]


def cut(job: Job, source: Source, longest: int) -> tuple[Job, ...]:
    """The parts of a job, as jobs; none where it stays whole.

    Their results go into a folder beside that of the whole, `OUT.parts-...`, whose name says what they are
    made of: those of a run that was broken off are kept.

    Args:
        job: the whole.
        source: its video, open.
        longest: frames, see `bounds_of`.

    Raises:
        DPAError: the video cannot be read, or nothing be written there.
    """
    if any(_suffix(output) not in JOINED for output, _ in job.outputs):
        return ()
    parts = parts_of(bounds_of(source, longest))
    if len(parts) < 2:
        return ()
    place = f"{job.outputs[0][0].rstrip('/')}.parts-{_digest(job, source, parts)}"
    facts = join(place, _FACTS)
    if not exists(facts):
        save_facts(source, SegmenterConfig(**job.settings).shots, facts)
    return tuple(_part(job, place, facts, start, end) for start, end in parts)


def join_one(joint: Joint) -> Row:
    """Put the results of parts together, and remove them; whatever goes wrong is said in the row.

    It may be done twice: on another machine, after one that died with it half done.
    """
    job, first = joint.job, joint.parts[0].piece
    assert first is not None
    place = first.facts.rpartition("/")[0]
    with attempt(job.name) as row:
        _sum_up(joint.rows, row)
        if exists(first.facts) and not exists(join(place, _JOINED)):
            row.warnings += _join(joint, first.facts)
            put(join(place, _JOINED), b"{}\n")
        elif not all(exists(output) for output, _ in job.outputs):
            raise FileNotFoundError(f"{place} has gone")
        remove_tree(place, last=_JOINED)
    row.seconds = round(row.seconds + sum(part.seconds for part in joint.rows), 3)
    return row


def done_before(piece: Piece) -> Row | None:
    """The row of a part whose results are there, from a run that was broken off; None for a new one."""
    if not exists(piece.done):
        return None
    data = read(piece.done) if is_url(piece.done) else Path(piece.done).read_bytes()
    return Row(**json.loads(data) | {"parts": ()})


def note_done(piece: Piece, row: Row) -> None:
    """Note that a part's results are whole."""
    if row.state in ("done", "damaged"):
        put(piece.done, json.dumps(asdict(row)).encode())


def _part(job: Job, place: str, facts: str, start: int, end: int) -> Job:
    name = f"{start:08d}"
    outputs = tuple(
        (join(place, f"{name}-{number}") + (_suffix(output) or "/"), kind or kind_of(output))
        for number, (output, kind) in enumerate(job.outputs)
    )
    piece = Piece(job.name, start, end, facts, join(place, f"{name}.json"))
    return replace(
        job, name=f"{job.name} [{start}:{end}]", outputs=outputs, overwrite=True, resume=False, piece=piece
    )


def _digest(job: Job, source: Source, parts: Sequence[tuple[int, int]]) -> str:
    """A name for what parts are made of."""
    own = {name: value for name, value in asdict(job).items() if name not in ("name", "overwrite", "resume")}
    own["settings"] = {name: value for name, value in job.settings.items() if name not in OF_RUN}
    made = [__version__, own, source.count, source.size, source.version, parts]
    text = json.dumps(made, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _join(joint: Joint, facts: str) -> list[str]:
    job, warnings = joint.job, list[str]()
    with opened(job) as source:
        load_facts(facts, source)
        for number, (output, kind) in enumerate(job.outputs):
            made = kind or kind_of(output)
            pieces = [(part.piece.start, part.outputs[number][0]) for part in joint.parts if part.piece]
            if is_url(output):
                warnings += _join_stored(pieces, output, made, source)
            else:
                local = [(start, Path(piece)) for start, piece in pieces]
                warnings += join_parts(local, output, made, source, job.overwrite)
    return warnings


def _join_stored(pieces: list[tuple[int, str]], output: str, kind: str, source: Source) -> list[str]:
    """Pictures are copied where they are; what else there is comes here, is joined, and goes as a whole."""
    if not _suffix(output):
        before = {entry.url for entry in listed(output.rstrip("/"))}
        pictures = [entry.url for _, piece in pieces for entry in listed(piece.rstrip("/"))]
        copies = {picture: join(output, name_of(picture)) for picture in pictures}
        copy(copies)
        remove(before - {*copies.values()})
        return []
    with TemporaryDirectory(prefix="dpa-") as folder:
        here = Path(folder) / "parts"
        fetch([piece for _, piece in pieces], here)
        local = [(start, here / name_of(piece)) for start, piece in pieces]
        whole = Path(folder) / name_of(output)
        warnings = join_parts(local, str(whole), kind, source, False)
        upload([(whole, output)])
    return warnings


def _sum_up(parts: Sequence[Row], row: Row) -> None:
    row.state = "damaged" if any(part.state == "damaged" for part in parts) else "done"
    row.frames = sum(part.frames for part in parts)
    row.problem = next((part.problem for part in parts if part.problem), "")
    row.warnings = list(dict.fromkeys(sentence for part in parts for sentence in part.warnings))


def _suffix(output: str) -> str:
    if output.endswith("/"):
        return ""
    return suffix_of(output) if is_url(output) else PurePath(output).suffix.lower()


@dataclass
class Films:
    """What a run has of films that were cut: which parts are done, and what is to be done next."""

    _open: dict[str, tuple[Job, tuple[Job, ...]]] = field(default_factory=dict)
    _rows: dict[str, dict[str, Row]] = field(default_factory=dict)

    def wanted(self, task: Job | Joint) -> bool:
        """Whether a task is still to be done: not so parts of a film of which one has failed."""
        return isinstance(task, Joint) or task.piece is None or task.piece.film in self._open

    def next(self, task: Job | Joint, row: Row) -> tuple[list[Job | Joint], Row | None]:
        """What is to be done next because a task is done, and the row of a video that now is, if one is."""
        if isinstance(task, Joint):
            return [], row
        if row.state == "cut":
            self._open[task.name], self._rows[task.name] = (task, row.parts), {}
            return list(row.parts), None
        if task.piece is None:
            return [], row
        film = task.piece.film
        if film not in self._open:
            return [], None
        job, parts = self._open[film]
        if row.state == "failed":
            del self._open[film], self._rows[film]
            return [], replace(row, name=film)
        self._rows[film][task.name] = row
        if len(self._rows[film]) < len(parts):
            return [], None
        del self._open[film]
        rows = self._rows.pop(film)
        return [Joint(job, parts, tuple(rows[part.name] for part in parts))], None
