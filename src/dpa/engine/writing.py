"""Masks on their way into what is written."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

from dpa.engine.pipeline import Pipeline
from dpa.engine.results import Mask, Summary
from dpa.engine.shots import ShotLog
from dpa.engine.threads import Clock
from dpa.video.part import Part
from dpa.video.source import Source
from dpa.video.write import Sink

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and the number of all (None if not known)."""


def fill(
    sinks: Sequence[Sink],
    source: Source,
    pipeline: Pipeline,
    clock: Clock,
    summary: Summary,
    progress: Progress,
) -> None:
    """Write a run's masks: those of a whole video, or, of a `Part`, its own.

    Args:
        sinks: take them.
        source: as the sinks see it.
        pipeline: makes the masks of the whole video.
        clock, summary: note what is done.
        progress: see there.
    """
    write = _part if isinstance(source, Part) else _whole
    write(sinks, source, pipeline, clock, summary, progress)


def _whole(
    sinks: Sequence[Sink],
    source: Source,
    pipeline: Pipeline,
    clock: Clock,
    summary: Summary,
    progress: Progress,
) -> None:
    """All masks of a video, from the first that a sink lacks."""
    start = min((sink.start for sink in sinks), default=0)
    progress(start, source.count)
    if source.count is not None and start >= source.count:
        # Nothing is left to do; reading on from the end still says so where frames are missing.
        deque(source.read(start), maxlen=0)
        return
    shots = ShotLog()
    with closing(pipeline.masks(start)) as masks:
        for mask in masks:
            _write(sinks, mask, clock)
            summary.frames += 1
            shots.add(mask)
            progress(mask.index + 1, source.count)
    summary.shots, summary.warnings = shots.records(), [*summary.warnings, *shots.warnings()]


def _part(
    sinks: Sequence[Sink],
    part: Source,
    pipeline: Pipeline,
    clock: Clock,
    summary: Summary,
    progress: Progress,
) -> None:
    """The masks of a part, as if it were a video of its own; they are those of the whole video."""
    assert isinstance(part, Part)
    progress(0, part.count)
    with closing(pipeline.masks(part.first)) as masks:
        for mask in islice(masks, part.count):
            _write(sinks, replace(mask, frame=part.taken(mask.frame)), clock)
            summary.frames += 1
            progress(summary.frames, part.count)


def _write(sinks: Sequence[Sink], mask: Mask, clock: Clock) -> None:
    with clock.time("write"):
        for sink in sinks:
            sink.write(mask.frame, mask.probability, mask.binary, mask.flow_picture, mask.alpha)
