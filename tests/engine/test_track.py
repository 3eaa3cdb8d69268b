"""Following a region: how it moves, what it becomes part of, and where it ends."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dpa.engine import track
from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Correction
from dpa.engine.frame_data import FrameData
from dpa.engine.track import Tracker, _back, _colour, _motion, _onwards, _removed, _Seen, small
from dpa.video.frame import Frame

GRID, FULL = (60, 80), (120, 320)
"""Sizes of the probability and of the frame: twice as high, four times as wide."""
CONFIG = SegmenterConfig(refine="off", device="cpu")


def square(top: int = 20, left: int = 30, side: int = 12) -> np.ndarray:
    region = np.zeros(GRID, bool)
    region[top : top + side, left : left + side] = True
    return region


def data(
    index: int = 0,
    flow: np.ndarray | tuple[float, float] | None = (0.0, 0.0),
    mask: np.ndarray | None = None,
    colour: tuple[int, int, int] = (90, 90, 90),
    shot: int = 0,
) -> FrameData:
    """A frame; flow in pixels of the grid, the same everywhere or (h, w, 2)."""
    image = np.full((*FULL, 3), colour, np.uint8)
    field = None
    if flow is not None:
        field = np.broadcast_to(np.float32(flow), (*GRID, 2)) * np.float32([4, 2])
    probability = np.zeros(GRID, np.float32) if mask is None else mask.astype(np.float32)
    return FrameData(Frame(image, index, shot=shot), image, field, probability=probability)


def seen(mask: np.ndarray, of: FrameData | None = None) -> _Seen:
    return _Seen(of or data(), mask, np.zeros((*GRID, 3), np.uint8))


@pytest.mark.parametrize(("x", "y"), [(0, 0), (5, -3), (-7, 8)])
def test_a_region_moves_with_its_flow_and_back(x: int, y: int) -> None:
    frame = data(flow=(x, y))
    moved = square(20 + y, 30 + x)
    assert np.array_equal(_onwards(square(), frame), moved)
    assert np.array_equal(_back(moved, frame), square())


def test_a_pixel_that_is_covered_by_half_is_none_of_it() -> None:
    between = _onwards(square(), data(flow=(0.5, 0)))
    assert between.sum() == 12 * 11
    assert between[20:32, 31:42].all()
    assert _back(square(), data(flow=(0.5, 0))).sum() == 12 * 11


def test_it_turns_and_grows_with_its_flow() -> None:
    y, x = np.mgrid[: GRID[0], : GRID[1]].astype(np.float32)
    away = np.stack([x - 36, y - 26], -1)
    angle, scale = np.radians(20), 1.3
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flow = away @ turn.T.astype(np.float32) - away
    motion = _motion(square(), data(flow=flow))
    assert motion is not None
    assert motion[:, :2] == pytest.approx(turn, abs=0.01)
    assert motion @ [36, 26, 1] == pytest.approx([36, 26], abs=0.05)
    grown = _onwards(square(), data(flow=flow))
    assert grown.sum() / square().sum() == pytest.approx(scale**2, abs=0.12)


def test_few_places_tell_a_shift_only_and_outliers_nothing() -> None:
    flow = np.zeros((*GRID, 2), np.float32)
    flow[20:23, 30:33] = (3, 2)
    flow[20, 30] = (40, -30)
    motion = _motion(square(side=3), data(flow=flow))
    assert motion is not None
    assert motion.tolist() == [[1, 0, 3], [0, 1, 2]]
    flow[20:32, 30:42] = (3, 2)
    flow[20:23, 30:42] = (-9, 5)
    motion = _motion(square(), data(flow=flow))
    assert motion is not None
    assert motion == pytest.approx(np.array([[1, 0, 3], [0, 1, 2]]), abs=0.02)


def test_twelve_places_tell_turn_and_scale() -> None:
    y, x = np.mgrid[: GRID[0], : GRID[1]].astype(np.float32)
    flow = 0.5 * np.stack([x - 32, y - 21], -1)
    for rows, scale in ((3, 1), (4, 1.5)):
        region = np.zeros(GRID, bool)
        region[20 : 20 + rows, 30:33] = True
        if rows == 3:
            region[20, 33] = region[21, 33] = True  # eleven
        motion = _motion(region, data(flow=flow))
        assert motion is not None
        assert motion[0, 0] == pytest.approx(scale, abs=0.02)


def test_no_region_does_not_move() -> None:
    empty = np.zeros(GRID, bool)
    assert _motion(empty, data()) is None
    assert not _onwards(empty, data()).any()
    assert not _back(empty, data()).any()


def test_places_are_spread_over_a_large_region() -> None:
    flow = np.zeros((*GRID, 2), np.float32)
    flow[:30] = (4, 0)
    flow[30:] = (-4, 0)
    region = np.ones(GRID, bool)
    region[50:] = False  # three fifths move to the right
    motion = _motion(region, data(flow=flow))
    assert motion is not None
    assert motion[0, 2] == pytest.approx(4, abs=0.1)


def test_components_that_are_covered_by_half_are_the_same_thing() -> None:
    mask = square(10, 10) | square(40, 60)
    # The region's own border is uncertain by two pixels.
    assert np.array_equal(_removed(seen(mask), square(10, 10)) & mask, square(10, 10))
    assert np.array_equal(_removed(seen(mask), square(10, 16)) & mask, square(10, 10))
    moved = square(10, 19)
    covered = (cv2.dilate(moved.view(np.uint8), np.ones((5, 5))) > 0) & square(10, 10)
    assert covered.sum() < 0.5 * 144
    gone = _removed(seen(mask), moved)
    assert gone is not None
    assert not gone.any(), "a fourth of it only"
    both = _removed(seen(mask), mask)
    assert both is not None
    assert np.array_equal(both & mask, mask)


def test_what_is_found_has_a_rim() -> None:
    found = _removed(seen(square(10, 10) | square(10, 23, 16)), square(10, 10))
    assert found is not None
    assert np.array_equal(found, square(9, 9, 14))


def test_a_large_region_may_be_off_by_a_tenth_of_its_side() -> None:
    # 40 pixels wide: four of them. A component that begins three pixels beside it is near.
    mask = np.zeros(GRID, bool)
    mask[10:50, 52:58] = True
    region = square(10, 10, 40)
    found = _removed(seen(mask), region)
    assert found is not None
    assert found.sum() == 0, "a third of it"
    mask[10:50, 54:58] = False
    found = _removed(seen(mask), region)
    assert found is not None
    assert np.array_equal(found & mask, mask)
    mask[:] = False
    mask[10:50, 54:56] = True
    found = _removed(seen(mask), region)
    assert found is not None
    assert not found.any()


def test_grown_together_with_something_larger_it_ends() -> None:
    assert _removed(seen(square(5, 5, 40)), square(10, 10)) is None
    mask = square(5, 5, 40)
    mask[10:22, 10:16] = False  # half of the region is on nothing
    mask[10:22, 16] = False
    found = _removed(seen(mask), square(10, 10))
    assert found is not None
    assert not found.any()
    found = _removed(seen(np.zeros(GRID, bool)), square(10, 10))
    assert found is not None
    assert not found.any()


def test_colours_are_compared_in_lab() -> None:
    colours = np.zeros((*GRID, 3), np.uint8)
    colours[square()] = (255, 255, 255)
    assert _colour(colours, square()) == pytest.approx([255, 128, 128])
    assert _colour(colours, square(19, 29, 14))[0] == pytest.approx(255 * 144 / 196, abs=0.1)
    assert np.isinf(_colour(colours, np.zeros(GRID, bool))).all()


def test_a_frame_on_the_grid() -> None:
    frame = data()
    frame.frame.image[0:2, 0:4] = 250
    assert small(frame).shape == (*GRID, 3)
    assert small(frame)[0, 0].tolist() == [250] * 3
    assert small(frame)[0, 1].tolist() == [90] * 3


class Frames:
    """Stands for a pipeline whose frames are known."""

    def __init__(self, frames: list[FrameData]) -> None:
        self.frames = frames
        self.reads: list[int] = []

    def known(self, start: int) -> int:
        self.reads.append(start)
        return start

    def settled(self, start: int) -> Generator[FrameData, None, None]:
        # A frame before is given too, as where smoothing wants one.
        yield from self.frames[max(0, start - 1) :]


def follow(
    frames: list[FrameData], tmp_path: Path, at: int, region: np.ndarray, kind: str = "remove"
) -> tuple[list[int], list[int], Frames]:
    """The frames that have a region, what was told, and what was read."""
    correction, told, source = Correction(tmp_path / f"{at}-{kind}"), [], Frames(frames)
    correction.put(at, region)
    pipeline: Any = source
    Tracker(pipeline, CONFIG, correction).follow(at, told.append)
    return correction.frames, told, source


def still(count: int, region: np.ndarray, gone: tuple[int, ...] = (), **options: Any) -> list[FrameData]:
    return [data(k, mask=region & (k not in gone), **options) for k in range(count)]


def test_it_is_followed_to_both_ends_and_told(tmp_path: Path) -> None:
    frames, told, source = follow(still(9, square()), tmp_path, 4, square())
    assert frames == list(range(9))
    assert told == list(range(1, 9))
    assert source.reads == [4, 0]


def test_on_the_way_back_a_few_frames_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "_CHUNK", 4)
    frames, _, source = follow(still(12, square()), tmp_path, 10, square())
    assert frames == list(range(12))
    assert source.reads == [10, 6, 2, 0]


@pytest.mark.parametrize(("gone", "left"), [(5, [0, 1, 2, 8, 9]), (6, [0, 1, 2])])
def test_five_frames_may_lack_it(tmp_path: Path, gone: int, left: list[int]) -> None:
    frames, _, _ = follow(still(10, square(), tuple(range(3, 3 + gone))), tmp_path, 0, square())
    assert frames == left


def test_each_frame_that_has_it_begins_the_count_anew(tmp_path: Path) -> None:
    gone = (1, 2, 3, 4, 6, 7, 8, 9)
    assert follow(still(12, square(), gone), tmp_path, 0, square())[0] == [0, 5, 10, 11]


def test_while_it_is_not_found_it_moves_on(tmp_path: Path) -> None:
    frames = [data(k, (4, 0), square(20, 10 + 4 * k) & (k not in (2, 3, 4))) for k in range(8)]
    assert follow(frames, tmp_path, 0, square(20, 10))[0] == [0, 1, 5, 6, 7]


def test_it_stays_in_its_shot_and_where_there_is_flow(tmp_path: Path) -> None:
    cut = [data(k, mask=square(), shot=(k > 2) + (k > 6)) for k in range(10)]
    assert follow(cut, tmp_path, 4, square())[0] == [3, 4, 5, 6]
    blind = [data(k, None if k in (2, 6) else (0, 0), square()) for k in range(10)]
    assert follow(blind, tmp_path, 5, square())[0] == [3, 4, 5, 6]


def test_where_it_leaves_the_frame_it_ends(tmp_path: Path) -> None:
    frames = [data(k, (30, 0), square(20, min(30 + 30 * k, 68)) & (k < 2)) for k in range(6)]
    _, told, _ = follow(frames, tmp_path, 0, square())
    assert told == [1], "nothing of it is left in the third frame"


def add(frames: list[FrameData], tmp_path: Path, region: np.ndarray) -> list[int]:
    return follow(frames, tmp_path, 0, region, "add")[0]


def test_an_added_region_keeps_its_colour(tmp_path: Path) -> None:
    # Lab of 8 bits: a grey of so many levels has a lightness about as high.
    greys = [(100, 100, 100), (110, 110, 110), (118, 118, 118), (130, 130, 130)]
    steps = [cv2.cvtColor(np.uint8([[grey]]), cv2.COLOR_RGB2LAB)[0, 0, 0] for grey in greys]
    assert [int(step) - int(steps[0]) for step in steps] == [0, 11, 19, 31]
    frames = [data(k, colour=grey) for k, grey in enumerate(greys)]
    assert add(frames, tmp_path, square()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("scale", "frames"), [(1.6, [0, 1, 2]), (1.8, [0, 1]), (0.65, [0, 1, 2]), (0.52, [0, 1])]
)
def test_an_added_region_keeps_about_its_size(tmp_path: Path, scale: float, frames: list[int]) -> None:
    y, x = np.mgrid[: GRID[0], : GRID[1]].astype(np.float32)
    flow = (scale**0.5 - 1) * np.stack([x - 36, y - 26], -1)
    assert add([data(k, flow) for k in range(3)], tmp_path, square(14, 24, 24)) == frames


def test_what_is_the_object_already_is_not_added(tmp_path: Path) -> None:
    half = square()
    half[:, 36:] = False
    frames = still(3, half)
    correction = Correction(tmp_path / "0-add")
    correction.put(0, square())
    pipeline: Any = Frames(frames)
    Tracker(pipeline, CONFIG, correction).follow(0)
    assert np.array_equal(correction.get(2), square() & ~half)
    # The whole region goes on moving.
    whole = still(8, square())
    assert add(whole, tmp_path / "c", square()) == [0]
