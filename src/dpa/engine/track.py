"""A region of one frame, followed along the flow through those before and after it."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np

from dpa.arrays import Binary, Image, Probability
from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Correction
from dpa.engine.frame_data import FrameData
from dpa.engine.pick import with_rim
from dpa.engine.pipeline import Pipeline, coarse
from dpa.engine.propagation import grid_flow, warped

_CHUNK = 32
"""Frames that are held at once on the way back."""
_GAP = 5
"""Frames in a row in which the region need not be found: masks flicker."""
_COVERED = 0.5
"""Share of a component of the mask that the moved region must cover to be the same thing."""
_POINTS, _FEW = 400, 12
"""Places of a region whose flow is looked at, and how many there must be to tell turn and scale."""
_ALIKE = 22.0
"""Steps of mean colour (OpenCV's Lab of 8 bits) by which an added region may change from its first frame."""
_GROWN = 3.0
"""Factor by which an added region may grow or shrink from its first frame."""


@dataclass
class _Seen:
    """What following needs of a frame: all on the probability's grid."""

    data: FrameData
    mask: Binary
    colours: Image


class Tracker:
    """Follows one region.

    A region to be removed is, in the next frame, the components of the mask that its moved self covers by
    half. Where it has grown together with more than that it ends. A region to be added moves with the flow,
    as long as it keeps its colour and about its size; where it becomes part of the mask it ends.

    Args:
        pipeline: of the video, with kept probabilities.
        config: of the masks.
        correction: has the region of the first frame; gets those of the others.
    """

    def __init__(self, pipeline: Pipeline, config: SegmenterConfig, correction: Correction) -> None:
        self._pipeline, self._config, self._correction = pipeline, config, correction
        self._start: tuple[np.ndarray, int] | None = None

    def follow(self, index: int, told: Callable[[int], None] = lambda done: None) -> None:
        """Follow the region of frame `index` to both sides.

        Args:
            index: of the frame that has it.
            told: called with the number of frames looked at.
        """
        region = self._correction.get(index)
        assert region is not None
        done = 0
        for steps in (self._after(index), self._before(index)):
            with closing(steps):
                for _ in self._along(steps, region):
                    done += 1
                    told(done)

    def _along(self, steps: Iterable[tuple[_Seen, _Seen, bool]], region: Binary) -> Iterator[None]:
        """Go on from frame to frame, each step with where it comes from and whether that lies before."""
        gap = 0
        for last, this, forwards in steps:
            if self._start is None:
                self._start = _colour(last.colours, region), int(region.sum())
            moved = _onwards(region, last.data) if forwards else _back(region, this.data)
            found = self._added(this, moved) if self._correction.adds else _removed(this, moved)
            if found is None:
                return
            gap = 0 if found.any() else gap + 1
            if gap > _GAP or not moved.any():
                return
            # Not found for a while: it is looked for where it would have moved to.
            region = moved if self._correction.adds or not found.any() else found
            if found.any():
                self._correction.put(this.data.frame.index, found)
            yield

    def _added(self, this: _Seen, moved: Binary) -> Binary | None:
        assert self._start is not None
        colour, area = self._start
        if not area / _GROWN <= int(moved.sum()) <= area * _GROWN:
            return None
        if np.abs(_colour(this.colours, moved) - colour).max() > _ALIKE:
            return None
        return moved & ~this.mask

    def _after(self, index: int) -> Generator[tuple[_Seen, _Seen, bool], None, None]:
        last: _Seen | None = None
        with closing(self._seen(index)) as frames:
            for this in frames:
                if last is not None:
                    if last.data.flow is None or this.data.frame.shot != last.data.frame.shot:
                        return
                    yield last, this, True
                last = this

    def _before(self, index: int) -> Generator[tuple[_Seen, _Seen, bool], None, None]:
        end = index
        while end > 0:
            start = max(0, end - _CHUNK)
            held: list[_Seen] = []
            with closing(self._seen(start)) as frames:
                for this in frames:
                    held.append(this)
                    if this.data.frame.index >= end:
                        break
            for this, last in zip(held[-2::-1], held[:0:-1], strict=True):
                if this.data.flow is None or this.data.frame.shot != last.data.frame.shot:
                    return
                yield last, this, False
            end = start

    def _seen(self, start: int) -> Generator[_Seen, None, None]:
        with closing(self._pipeline.settled(self._pipeline.known(start))) as frames:
            for data in frames:
                if data.frame.index >= start:
                    yield _Seen(data, coarse(data, self._config), small(data))


def small(data: FrameData) -> Image:
    """The frame on the probability's grid, (h, w, 3) uint8 RGB."""
    assert data.probability is not None
    size: tuple[int, int] = data.probability.shape[::-1]
    return cv2.resize(data.frame.image, size, interpolation=cv2.INTER_AREA)


def _onwards(region: Binary, data: FrameData) -> Binary:
    """The region of a frame, where it is in the next one."""
    return _shifted(region, _motion(region, data), back=False)


def _back(region: Binary, data: FrameData) -> Binary:
    """The region of the frame after a frame, where it is in that."""
    plane = region.astype(np.float32)
    rough = warped(plane, grid_flow(data, plane.shape)) > 0.5
    return _shifted(region, _motion(rough, data), back=True)


def _motion(region: Binary, data: FrameData) -> np.ndarray | None:
    """How a region of a frame moves to the next: shift, turn and scale, (2, 3); None for no region.

    Not the flow of each pixel: near the region's border it is half that of what is behind.
    """
    rows, columns = np.nonzero(region)
    if not len(rows):
        return None
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), _POINTS)).astype(int)
    points = np.stack([columns[chosen], rows[chosen]], 1).astype(np.float32)
    flow = grid_flow(data, region.shape)[rows[chosen], columns[chosen]]
    motion = None
    if len(points) >= _FEW:
        motion, _ = cv2.estimateAffinePartial2D(points, points + flow, ransacReprojThreshold=1.0)
    if motion is None:
        shift: np.ndarray = np.median(flow, axis=0)
        motion = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    return np.asarray(motion)


def _shifted(region: Binary, motion: np.ndarray | None, *, back: bool) -> Binary:
    if motion is None:
        return np.zeros_like(region)
    how = cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if back else 0)
    plane = cv2.warpAffine(region.astype(np.float32), motion, region.shape[::-1], flags=how)
    return plane > 0.5


def _removed(this: _Seen, moved: Binary) -> Binary | None:
    """The components of the mask that are covered; none where there is nothing, None where it has grown
    together with something larger.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(this.mask.astype(np.uint8), connectivity=8)
    # Flow is not exact to the pixel, and masks breathe.
    near = with_rim(moved, max(2, round(0.1 * float(moved.sum()) ** 0.5)))
    inside = np.bincount(labels[near], minlength=count)
    covered = inside >= _COVERED * boxes[:, cv2.CC_STAT_AREA]
    covered[0] = False
    region = covered[labels]
    touched = np.bincount(labels[moved], minlength=count)
    touched[0] = 0
    if not region.any() and touched.sum() > _COVERED * moved.sum():
        return None
    return with_rim(region)


def _colour(colours: Image, region: Binary) -> np.ndarray:
    if not region.any():
        return np.full(3, np.inf)
    lab: Probability = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)[region].astype(np.float32)
    mean: np.ndarray = lab.mean(axis=0)
    return mean
