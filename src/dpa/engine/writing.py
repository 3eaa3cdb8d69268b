"""Masks on their way into what is written."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from dpa.engine.part import Part
from dpa.engine.pipeline import Pipeline
from dpa.engine.results import Mask, Summary
from dpa.engine.shots import ShotLog
from dpa.engine.threads import Clock
from dpa.video.range import Range
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
    part: Part | None = None,
) -> None:
    """Write a run's masks: those of a video or of a part of it, or, of a `Range`, its own.

    Args:
        sinks: take them.
        source: as the sinks see it.
        pipeline: makes the masks of the whole video.
        clock, summary: note what is done.
        progress: see there.
        part: only its masks are written; None for all.
    """
    chosen = source if isinstance(source, Range) else None
    start = 0
    if chosen is not None:
        part = Part(chosen.first, chosen.first + chosen.count)
    else:
        start = min((sink.start for sink in sinks), default=0)
    progress(start, source.count)
    if source.count is not None and start >= source.count:
        # Nothing is left to do; reading on from the end still says so where frames are missing.
        deque(source.read(start), maxlen=0)
        return
    shots = ShotLog()
    with closing(pipeline.masks(start, part)) as masks:
        for mask in masks:
            shown = mask if chosen is None else replace(mask, frame=chosen.taken(mask.frame))
            _write(sinks, shown, clock)
            summary.frames += 1
            shots.add(mask)
            progress(shown.index + 1, source.count)
    if chosen is None:
        summary.shots, summary.warnings = shots.records(), [*summary.warnings, *shots.warnings()]


def _write(sinks: Sequence[Sink], mask: Mask, clock: Clock) -> None:
    with clock.time("write"):
        for sink in sinks:
            sink.write(mask.segmented)
