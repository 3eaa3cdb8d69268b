"""The work of one video, as a function from plain data to plain data."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from dpa.backends import Backend, open_backend
from dpa.device import pick_device
from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Corrected, Correction
from dpa.engine.kept import Kept
from dpa.engine.pipeline import Edit
from dpa.engine.segmenter import Segmenter
from dpa.errors import DPAError, TruncatedError
from dpa.video.read import open_source
from dpa.video.write.backdrop import GREEN
from dpa.video.write.encoders import ENCODES, SOFTWARE
from dpa.video.write.paint import OVERLAY_SHARE

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and the number of all (None if not known)."""


@dataclass(frozen=True)
class Job:
    """What is to be made of one video; all of it pickles, and can be sent to another machine.

    Attributes:
        name: of the result; no two jobs of a run share it.
        source: what `dpa.video.read.open_source` opens: a name, or pictures in order.
        outputs: (path, kind) each, see `dpa.engine.segmenter.Segmenter.write`.
        settings: of `SegmenterConfig`, those that are not the defaults.
        flow_pictures: one a frame, see `Segmenter.masks`; None to compute all flow.
        rate: frames a second of pictures, as a fraction; None for none.
        source_alpha: keep the source's own transparency.
        hdr: keep the range of an HDR video, see `dpa.video.read.open_source`.
        overwrite, resume, encode, encoder, part, strength, background: see `Segmenter.write`.
        corrections: folders of `dpa.engine.corrections.Correction`, in the order in which they were made.
        kept: folder of the video's probabilities, see `dpa.engine.kept.Kept`; None for none.
    """

    name: str
    source: str | tuple[Path, ...]
    outputs: tuple[tuple[str, str | None], ...]
    settings: dict[str, Any] = field(default_factory=dict)
    flow_pictures: tuple[Path | None, ...] | None = None
    rate: str | None = None
    source_alpha: bool = True
    hdr: bool = False
    overwrite: bool = False
    resume: bool = False
    encode: str = ENCODES[0]
    encoder: str = SOFTWARE
    part: tuple[int, int] | None = None
    strength: float = OVERLAY_SHARE
    background: str = GREEN
    kept: str | None = None
    corrections: tuple[str, ...] = ()


@dataclass
class Row:
    """What became of a job.

    Attributes:
        name: of the job.
        state: "done"; "damaged" where frames of the video are missing and what could be decoded has been
            written; "failed" where nothing has.
        frames: that were written; a resumed folder's earlier ones are not counted.
        seconds: that it took.
        problem: what went wrong, one sentence.
        trace: where, for what should not have gone wrong.
        warnings: what the results lack though all frames are there, a sentence each.
    """

    name: str
    state: Literal["done", "damaged", "failed"]
    frames: int = 0
    seconds: float = 0.0
    problem: str = ""
    trace: str = ""
    warnings: list[str] = field(default_factory=list)


def segment_one(job: Job, progress: Progress | None = None, segmenter: Segmenter | None = None) -> Row:
    """Segment one video; whatever goes wrong with it is said in the row.

    Args:
        job: what is to be done.
        progress: see `Progress`.
        segmenter: one that is ready, whatever the job's settings say; None for that of the settings, which
            the process keeps for the next job.
    """
    row = Row(job.name, "failed")
    start = time.perf_counter()
    try:
        ready = segmenter or segmenter_of(SegmenterConfig(**job.settings))
        rate = None if job.rate is None else Fraction(job.rate)
        with open_source(job.source, rate=rate, alpha=job.source_alpha, hdr=job.hdr) as source:
            summary = ready.write(
                source,
                job.outputs,
                overwrite=job.overwrite,
                resume=job.resume,
                encode=job.encode,
                encoder=job.encoder,
                flow_pictures=job.flow_pictures,
                progress=progress,
                part=job.part,
                strength=job.strength,
                background=job.background,
                kept=None if job.kept is None else Kept(Path(job.kept)),
                edit=_edit(job, ready.config.threshold),
            )
        row.state, row.frames, row.warnings = "done", summary.frames, summary.warnings
    except TruncatedError as error:
        row.state, row.problem = "damaged", str(error)
        if error.summary is None:
            row.state = "failed"
        else:
            row.frames, row.warnings = error.summary.frames, error.summary.warnings
    except DPAError as error:
        row.problem = str(error)
    except Exception as error:  # one video's trouble, a bug included, must not cost a night of work
        row.problem = f"{type(error).__name__}: {error}"
        row.trace = traceback.format_exc()
    row.seconds = round(time.perf_counter() - start, 3)
    return row


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
