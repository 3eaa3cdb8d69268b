"""What is to be made of one video, and what became of it: plain data."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from dpa.errors import DPAError, TruncatedError
from dpa.video.read import open_source
from dpa.video.source import Source
from dpa.video.write.backdrop import GREEN
from dpa.video.write.encoders import ENCODES, SOFTWARE
from dpa.video.write.paint import OVERLAY_SHARE

OF_RUN = ("device", "threads", "compiled")
"""Settings that do not decide what a result is."""


@dataclass(frozen=True)
class Piece:
    """Which part of a long video a job is.

    Attributes:
        film: name of the job of the whole.
        start, end: its first frame, and the one after the last.
        facts: file with what is known of the video (`dpa.batch.parts`).
        done: file that says, with its row, that its results are whole.
    """

    film: str
    start: int
    end: int
    facts: str
    done: str


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
        overwrite, resume, encode, encoder, frames, strength, background: see `Segmenter.write`.
        corrections: folders of `dpa.engine.corrections.Correction`, in the order in which they were made.
        kept: folder of the video's probabilities, see `dpa.engine.kept.Kept`; None for none.
        piece: which part of the video it is of; None for the whole.
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
    piece: Piece | None = None
    frames: tuple[int, int] | None = None
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
            written; "failed" where nothing has; "cut" where others are to do it, `parts`.
        frames: that were written; a resumed folder's earlier ones are not counted.
        seconds: that it took.
        problem: what went wrong, one sentence.
        trace: where, for what should not have gone wrong.
        warnings: what the results lack though all frames are there, a sentence each.
        parts: the jobs that it was cut into.
    """

    name: str
    state: Literal["done", "damaged", "failed", "cut"]
    frames: int = 0
    seconds: float = 0.0
    problem: str = ""
    trace: str = ""
    warnings: list[str] = field(default_factory=list)
    parts: tuple[Job, ...] = ()


def opened(job: Job) -> Source:
    """The video of a job.

    Raises:
        InputError: see `open_source`.
    """
    rate = None if job.rate is None else Fraction(job.rate)
    return open_source(job.source, rate=rate, alpha=job.source_alpha, hdr=job.hdr)


@contextmanager
def attempt(name: str) -> Iterator[Row]:
    """A row, to be filled in; it says what goes wrong inside, and how long that took."""
    row = Row(name, "failed")
    start = time.perf_counter()
    try:
        yield row
    except TruncatedError as error:
        row.state, row.problem = "damaged", str(error)
        if error.summary is None:
            row.state = "failed"
        else:
            row.frames, row.warnings = error.summary.frames, error.summary.warnings
    except DPAError as error:
        row.state, row.problem = "failed", str(error)
    except Exception as error:  # one video's trouble, a bug included, must not cost a night of work
        row.state, row.problem = "failed", f"{type(error).__name__}: {error}"
        row.trace = traceback.format_exc()
    row.seconds = round(time.perf_counter() - start, 3)
