"""Shots: what is moved from frame to frame never crosses a cut, and what was found in each of them."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar, cast

from dpa.engine.frame_data import FrameData
from dpa.engine.results import Mask
from dpa.errors import TruncatedError
from dpa.video.frame import Frame
from dpa.video.shots import found_cuts, listed_cuts, read_cuts

OFF, AUTO = "off", "auto"

LONGEST = 1000
"""Frames that share references at most. A shot's first mask waits for its end, or for so many frames."""

T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """Frames that share references: a shot, or a part of a long one.

    Attributes:
        start, end: index of the first frame, and of the one after the last.
        shot: its number.
    """

    start: int
    end: int
    shot: int


def live_shots(frames: Generator[Frame, None, None], shots: str) -> Generator[Frame, None, None]:
    """Gives the frames of a live source the numbers of their shots; closes `frames`.

    Args:
        shots: "off" for one shot, "auto" to find the cuts, or a file that lists where shots start.

    Raises:
        InputError: the file cannot be read.
    """
    with closing(frames):
        if shots == OFF:
            yield from frames
            return
        number = -1
        for frame, starts in _marked(frames, shots):
            number += starts
            yield replace(frame, shot=number)


def spans(frames: Iterator[Frame], shots: str) -> Generator[Span, None, None]:
    """Where shots start and end, of all frames of a source, read ahead of its masks; closes `frames`.

    Args:
        shots: "auto" to find the cuts, or a file that lists where shots start.

    Raises:
        InputError: the file cannot be read.
    """
    with closing(cast("Generator[Frame, None, None]", frames)):
        start, shot, index = 0, -1, -1
        try:
            for frame, starts in _marked(frames, shots):
                index = frame.index
                if index - start == LONGEST or (starts and index):
                    yield Span(start, index, shot)
                    start = index
                shot += starts
        except TruncatedError:
            pass  # the pass that makes the masks says so
        if index >= 0:
            yield Span(start, index + 1, shot)


def within(frames: Generator[Frame, None, None], known: Generator[Span, None, None]) -> Iterator[Frame]:
    """Gives every frame its shot and its span; closes both."""
    with closing(frames), closing(known):
        span = next(known, None)
        for frame in frames:
            while span is not None and frame.index >= span.end:
                span = next(known, None)
            # A damaged file may give more frames the second time: they are as frames without cuts.
            yield frame if span is None else replace(frame, shot=span.shot, span=(span.start, span.end))


def _marked(frames: Iterable[Frame], shots: str) -> Iterator[tuple[Frame, bool]]:
    return found_cuts(frames) if shots == AUTO else listed_cuts(frames, read_cuts(Path(shots)))


def by_shot(
    items: Generator[FrameData, None, None],
    stage: Callable[[Iterable[FrameData]], Iterable[FrameData]],
) -> Generator[FrameData, None, None]:
    """Runs a stage on each shot as if it were a video of its own; closes `items`."""
    with closing(items):
        for _, shot in groupby(items, key=lambda item: item.frame.shot):
            yield from stage(shot)


@dataclass
class Shot:
    """What was found in one shot.

    Attributes:
        start, end: index of its first frame, and of its last one.
        start_time, end_time: when these are shown, as H:MM:SS.mmm; "" where the source has no times.
        share: of the picture that the object takes, from 0 to 1, mean over the frames.
    """

    start: int
    end: int
    start_time: str
    end_time: str
    share: float


class ShotLog:
    """Gathers the shots of a run."""

    def __init__(self) -> None:
        self._shots: list[Shot] = []
        self._number: int | None = None

    def add(self, mask: Mask) -> None:
        """Takes the masks in order."""
        time, share = _clock(mask.time), float(mask.binary.mean())
        if mask.frame.shot != self._number:
            self._number = mask.frame.shot
            self._shots.append(Shot(mask.index, mask.index, time, time, share))
            return
        shot = self._shots[-1]
        frames = mask.index - shot.start
        shot.end, shot.end_time = mask.index, time
        shot.share = (shot.share * frames + share) / (frames + 1)

    def records(self) -> list[dict[str, Any]]:
        """The shots as JSON has them."""
        return [asdict(replace(shot, share=round(shot.share, 4))) for shot in self._shots]

    def warnings(self) -> list[str]:
        """A sentence where some shots of several have no object."""
        empty = [shot for shot in self._shots if shot.share == 0]
        if not empty or len(self._shots) == 1:
            return []
        where = empty[0].start_time or f"frame {empty[0].start}"
        return [f"no object was found in {len(empty)} of {len(self._shots)} shots, the first from {where} on"]


def _clock(time: Fraction | None) -> str:
    if time is None:
        return ""
    seconds, thousandths = divmod(round(time * 1000), 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}"
