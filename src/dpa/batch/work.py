"""The work of one video, as a function from plain data to plain data."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from dpa.backends import Backend, open_backend
from dpa.batch.film import cut, done_before, note_done
from dpa.batch.job import Job, Row, attempt, opened
from dpa.batch.parts import load_facts
from dpa.device import pick_device
from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Corrected, Correction
from dpa.engine.kept import Kept
from dpa.engine.part import Part
from dpa.engine.pipeline import Edit
from dpa.engine.segmenter import Segmenter
from dpa.engine.writing import Progress
from dpa.errors import DPAError
from dpa.video.source import Source


def segment_one(
    job: Job, progress: Progress | None = None, segmenter: Segmenter | None = None, longest: int = 0
) -> Row:
    """Segment one video, or a part of one; whatever goes wrong with it is said in the row.

    Args:
        job: what is to be done.
        progress: called with the number of frames done and the number of all (None if not known).
        segmenter: one that is ready, whatever the job's settings say; None for that of the settings, which
            the process keeps for the next job.
        longest: frames; a video that is longer is not segmented but cut (`dpa.batch.film.cut`). 0 for none.
    """
    with attempt(job.name) as row:
        if job.piece is not None and (before := done_before(job.piece)):
            return before
        ready = segmenter or segmenter_of(SegmenterConfig(**job.settings))
        with opened(job) as source:
            if longest and job.piece is None and (parts := cut(job, source, longest)):
                row.state, row.parts = "cut", parts
            else:
                _write(job, source, ready, progress, row)
    if job.piece is not None:
        try:
            note_done(job.piece, row)
        except DPAError as error:
            row.state, row.problem = "failed", str(error)
    return row


def _write(job: Job, source: Source, segmenter: Segmenter, progress: Progress | None, row: Row) -> None:
    piece, part = job.piece, None
    if piece is not None:
        part = Part(piece.start, piece.end, load_facts(piece.facts, source))
    summary = segmenter.write(
        source,
        job.outputs,
        overwrite=job.overwrite,
        resume=job.resume,
        encode=job.encode,
        encoder=job.encoder,
        flow_pictures=job.flow_pictures,
        progress=progress,
        part=part,
        frames=job.frames,
        strength=job.strength,
        background=job.background,
        kept=None if job.kept is None else Kept(Path(job.kept)),
        edit=_edit(job, segmenter.config.threshold),
    )
    row.state, row.frames, row.warnings = "done", summary.frames, summary.warnings


def _edit(job: Job, threshold: float) -> Edit | None:
    corrections = [Correction(Path(folder)) for folder in job.corrections]
    return Corrected(corrections, threshold) if corrections else None


@lru_cache(maxsize=1)
def segmenter_of(config: SegmenterConfig) -> Segmenter:
    """The segmenter of a process; its network outlives a change of what does not concern it.

    Raises:
        DPAError: see `Segmenter`.
    """
    device = pick_device(config.device)
    network = (config.model, config.weights, device, config.threads, config.precision, config.compiled)
    return Segmenter(config, backend=_network(*network))


@lru_cache(maxsize=1)
def _network(model: str, weights: Any, device: str, threads: int, precision: str, compiled: bool) -> Backend:
    return open_backend(model, weights, device, threads, precision, compiled=compiled)
