"""Shots: what is moved from frame to frame never crosses a cut, and what was found in each of them."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from dpa.engine.frame_data import FrameData
from dpa.engine.results import Mask
from dpa.video.frame import Frame
from dpa.video.shots import found_cuts, listed_cuts, read_cuts

OFF, AUTO = "off", "auto"

T = TypeVar("T")


def tell_shots(
    frames: Generator[Frame, None, None], shots: str, live: bool, start: int = 0
) -> Generator[Frame, None, None]:
    """Gives every frame the number of its shot; closes `frames`.

    Args:
        shots: "off" for one shot, "auto" to find the cuts, or a file that lists where shots start.
        live: frames of a live source are not held back: cuts are not looked for in it.
        start: index of the first frame to pass on.

    Raises:
        InputError: the file cannot be read.
    """
    with closing(frames):
        if shots == OFF or (shots == AUTO and live):
            yield from (frame for frame in frames if frame.index >= start)
            return
        marked = found_cuts(frames) if shots == AUTO else listed_cuts(frames, read_cuts(Path(shots)))
        number = -1
        for frame, starts in marked:
            number += starts
            if frame.index >= start:
                yield replace(frame, shot=number)


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
