"""Temporal stability: a moving object whose flow is known, and real files with flow by DIS."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpa.errors import InputError
from dpa.evaluate.run import evaluate
from dpa.evaluate.stability import Agreement, agreement, measure, summarise
from mask_samples import dataset_of, masks_of, square

SHAPE = (120, 160)


def flow(x: float, y: float, shape: tuple[int, int] = (40, 60)) -> np.ndarray:
    return np.full((*shape, 2), (x, y), np.float32)


def warped_iou(mask: np.ndarray, before: np.ndarray, motion: np.ndarray) -> float:
    return agreement(mask, before, motion).iou


def changed(mask: np.ndarray, before: np.ndarray, motion: np.ndarray) -> bool:
    return agreement(mask, before, motion).changed


def test_by_hand() -> None:
    # The object went 5 to the right: what is at x now was at x - 5.
    assert warped_iou(square(15), square(10), flow(-5, 0)) == 1
    assert warped_iou(square(15), square(10), flow(0, 0)) == pytest.approx(50 / 150)
    assert warped_iou(square(15), square(10), flow(-4.6, 0.4)) == 1, "to the nearest pixel"
    assert warped_iou(square(10, 12), square(10, 10), flow(0, -2)) == 1


def test_pixels_from_outside_do_not_count() -> None:
    # All moved 4 to the right: the 4 columns on the left were not in the frame before.
    assert warped_iou(square(0, side=14), square(0, side=10), flow(-4, 0)) == pytest.approx(100 / 140)
    entering = square(0, side=4)
    assert warped_iou(entering, np.zeros((40, 60), bool), flow(-4, 0)) == 1


@pytest.mark.parametrize(("x", "y"), [(4, 0), (-4, 0), (0, 4), (0, -4)])
def test_of_what_left_the_frame_nothing_is_compared(x: int, y: int) -> None:
    """Whatever was there: what lies outside may be anything."""
    full = np.ones((40, 60), bool)
    inside = full.copy()
    inside[max(0, 40 - y) if y > 0 else 40 :, :] = False
    inside[: -y if y < 0 else 0] = False
    inside[:, max(0, 60 - x) if x > 0 else 60 :] = False
    inside[:, : -x if x < 0 else 0] = False
    # The object is now where nothing of the frame before can tell: outside of what was seen.
    assert warped_iou(~inside, full, flow(x, y)) == 0
    assert warped_iou(full, full, flow(x, y)) == 1
    assert warped_iou(inside, full, flow(x, y)) == 1


def test_both_empty_is_one() -> None:
    empty = np.zeros((40, 60), bool)
    assert warped_iou(empty, empty, flow(0, 0)) == 1
    assert warped_iou(square(5), empty, flow(0, 0)) == 0


def test_a_third_of_the_area_is_a_change() -> None:
    before, still = square(10, side=12), flow(0, 0)  # 144 pixels: a third is 48
    row = before.copy()
    row[10:14, 10:22] ^= True  # 4 rows of 12 are gone: 48 differ
    assert before.sum() == 144
    assert (row ^ before).sum() == 48
    assert not changed(row, before, still)
    row[14, 10] ^= True  # 49
    assert changed(row, before, still)
    assert not changed(square(15, side=12), square(10, side=12), flow(-5, 0)), "motion is none"


def test_another_object_and_one_more_are_changes() -> None:
    one, other = square(5, 5, 10), square(40, 5, 10)
    assert changed(other, one, flow(0, 0))
    assert changed(one | other, one, flow(0, 0)), "100 more than the 100 there were"
    assert changed(one, one | other, flow(0, 0)), "100 of 200 are gone"
    empty = np.zeros((40, 60), bool)
    assert changed(one, empty, flow(0, 0))
    assert changed(empty, one, flow(0, 0))
    assert not changed(empty, empty, flow(0, 0))


def test_what_comes_from_outside_is_no_change() -> None:
    # All moved 4 to the right: of the 14 columns now the left 4 were not to be seen.
    assert changed(square(0, side=10), square(0, side=6), flow(0, 0))
    assert not changed(
        np.pad(np.ones((40, 10), bool), ((0, 0), (0, 50))),
        np.pad(np.ones((40, 6), bool), ((0, 0), (0, 54))),
        flow(-4, 0),
    )


def test_figures_of_a_sequence() -> None:
    steps = [Agreement(1.0, False), Agreement(0.5, True), Agreement(0.75, False), Agreement(0.75, False)]
    assert summarise(steps) == {"stability": 0.75, "changes": 0.25}


def test_a_moving_object(tmp_path: Path) -> None:
    moving = [square(30 + 3 * i, 40, 40, SHAPE) for i in range(5)]
    truth = dataset_of(tmp_path / "t", {"bear": moving}, frames=True)
    steady = evaluate(truth, truth, measure_stability=True)
    assert steady.figures["stability"] > 0.93
    assert steady.figures["changes"] == 0
    flicker = [mask if i % 2 else square(30 + 3 * i, 40, 20, SHAPE) for i, mask in enumerate(moving)]
    ours = masks_of(tmp_path / "m", {"bear": flicker})
    unsteady = evaluate(ours, truth, measure_stability=True)
    assert unsteady.figures["stability"] < 0.4
    assert unsteady.figures["changes"] == 1
    assert not {"stability", "changes"} & set(evaluate(ours, truth).figures)
    assert steady.settings["stability"]["estimator"] == "DIS"


def test_what_it_needs(tmp_path: Path) -> None:
    masks = {"bear": [square(5, shape=SHAPE)] * 3}
    truth = dataset_of(tmp_path / "t", masks)
    with pytest.raises(InputError, match="bear: no frames found: --stability needs them, --frames"):
        evaluate(truth, truth, measure_stability=True)
    frames = dataset_of(tmp_path / "f", masks, frames=True)
    report = evaluate(truth, truth, measure_stability=True, frames=frames)
    assert report.figures["stability"] > 0.9


def test_frames_of_two_sizes_are_named(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("m1.png", "f1.png", "m0.png", "f0.png")]
    for path, width in zip(paths, (60, 60, 60, 50), strict=True):
        Image.fromarray(np.zeros((40, width, 3), np.uint8)).save(path)
    with pytest.raises(InputError, match=r"f1\.png: is not of the size of .*f0\.png"):
        measure(tuple(paths), None, resize=False)
