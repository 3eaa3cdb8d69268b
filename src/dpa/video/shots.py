"""Where a film cuts: the frames that start a shot, found on the way or read from a list."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dpa.errors import InputError
from dpa.video.frame import Frame

# Pictures are compared by their colours, which motion hardly changes: in DAVIS they differ by 0.10 at most
# from one frame to the next, and by 0.42 at least from one sequence to another.
_ROWS, _BINS = 54, 6
_FLOOR = 0.2
# Flat colours may all change bins at once. Pixels of one sequence and another differ by 35 levels at least.
_LEVELS = 20.0
# A cut is one step: it stands out from those beside it. Fades, dissolves and quick pans go over several.
_SPIKE, _BESIDE = 3.0, 2
# A flash is over, and the picture is as before it, within so many frames.
_FLASH = 5
_TIME = re.compile(r"(?:(\d+):)?(?:(\d+):)?(\d+(?:\.\d+)?)")


@dataclass
class Look:
    """What a picture looks like: small, (h, w, 3) uint8, and the shares of 216 colours, (216,) float32."""

    small: np.ndarray
    colours: np.ndarray


@dataclass
class _Seen:
    frame: Any
    look: Look
    step: float


def found_cuts(frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
    """Passes frames on, each with whether a shot starts there; the first of all starts one.

    Frames are held back, five at most, only where something looks like a cut. What costs is a histogram of a
    small picture: 0.3 ms a frame of 1920 x 1080 on one core.
    """
    waiting: deque[_Seen] = deque()
    past: deque[_Seen] = deque(maxlen=_FLASH)
    last: Look | None = None
    for frame in chain(frames, [None]):
        if frame is not None:
            look = look_at(frame.image)
            waiting.append(_Seen(frame, look, 0.0 if last is None else distance(last, look)))
            last = look
        while waiting and (frame is None or waiting[0].step < _FLOOR or len(waiting) > _FLASH):
            yield waiting[0].frame, not past or _is_cut(past, waiting)
            past.append(replace(waiting.popleft(), frame=None))


def listed_cuts(frames: Iterable[Frame], starts: Iterable[Fraction | int]) -> Iterator[tuple[Frame, bool]]:
    """The same with the starts of shots known: frame numbers (int), or seconds (Fraction)."""
    known = list(starts)
    numbers = {start for start in known if isinstance(start, int)}
    times = deque(sorted(start for start in known if not isinstance(start, int)))
    first = True
    for frame in frames:
        starts_here = first or frame.index in numbers
        while times and frame.time is not None and frame.time >= times[0]:
            times.popleft()
            starts_here = True
        yield frame, starts_here
        first = False


def read_cuts(path: Path) -> list[Fraction | int]:
    """Reads where shots start: a line each, a frame number or a time such as 12.5, 1:02.5 or 1:00:02.5.

    Lines that are empty or start with # are left out. A number without a point or colon is a frame's.

    Raises:
        InputError: where the file cannot be read or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a list of cuts ({error})") from error
    starts: list[Fraction | int] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        whole = _TIME.fullmatch(text)
        if whole is None:
            raise InputError(
                f'{path}, line {number}: "{text}" is neither a frame number nor a time such as 1:02.5'
            )
        if text.isdecimal():
            starts.append(int(text))
            continue
        *larger, seconds = [part for part in whole.groups() if part is not None]
        time = Fraction(seconds)
        for power, part in enumerate(reversed(larger), start=1):
            time += int(part) * 60**power
        starts.append(time)
    return starts


def look_at(image: np.ndarray) -> Look:
    """Looks at a picture, (H, W, 3) uint8."""
    step = max(1, image.shape[0] // (2 * _ROWS))
    coarse = np.ascontiguousarray(image[::step, ::step])
    width = max(1, round(_ROWS * coarse.shape[1] / coarse.shape[0]))
    small = cv2.resize(coarse, (width, _ROWS), interpolation=cv2.INTER_AREA)
    counts = cv2.calcHist([small], [0, 1, 2], None, [_BINS] * 3, [0, 256] * 3)
    return Look(small, counts.ravel() / small[:, :, 0].size)


def distance(one: Look, other: Look) -> float:
    """How much of a picture has other colours, from 0 to 1; 0 where its pixels are nearly the same."""
    if cv2.norm(one.small, other.small, cv2.NORM_L1) < _LEVELS * one.small.size:
        return 0.0
    return float(cv2.norm(one.colours, other.colours, cv2.NORM_L1)) / 2


def _is_cut(past: deque[_Seen], waiting: deque[_Seen]) -> bool:
    now, *later = waiting
    if now.step < _FLOOR:
        return False
    *earlier, before = past
    beside = [seen.step for seen in (*list(past)[-_BESIDE:], *later[:_BESIDE])]
    if now.step < _SPIKE * max(beside, default=0.0):
        return False
    begins = any(distance(before.look, seen.look) < _FLOOR for seen in later)
    ends = any(distance(seen.look, now.look) < _FLOOR for seen in earlier)
    return not begins and not ends  # a flash
