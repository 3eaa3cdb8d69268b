"""Every protocol on made masks whose figures are worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import distance_transform_edt

from dpa.errors import InputError
from dpa.evaluate.measures import boundary_accuracy
from dpa.evaluate.report import Report
from dpa.evaluate.run import evaluate
from mask_samples import EMPTY, SHAPE, dataset_of, masks_of, save, save_ids, square

HERE, NEAR, FAR = square(0), square(5), square(40)
THIRD = 50 / 150  # J of HERE and NEAR
F_NEAR = boundary_accuracy(HERE, NEAR)


def one(report: Report, name: str) -> dict[str, float]:
    return next(sequence.figures for sequence in report.sequences if sequence.name == name)


def test_davis16_by_hand(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"bear": [HERE] * 7, "rhino": [HERE, EMPTY, HERE]})
    # The first and the last frame are wrong here, and must not count.
    ours = masks_of(
        tmp_path / "m",
        {"bear": [FAR, HERE, HERE, NEAR, FAR, NEAR, FAR], "rhino": [FAR, EMPTY, FAR]},
    )
    report = evaluate(ours, truth)
    bear = one(report, "bear")
    j = [1, 1, THIRD, 0, THIRD]
    assert report.sequences[0].values["J"] == pytest.approx(j, abs=1e-12)
    assert report.sequences[0].values["F"] == pytest.approx([1, 1, F_NEAR, 0, F_NEAR], abs=1e-12)
    assert report.sequences[0].frames == tuple(f"bear_{i:05d}" for i in range(1, 6))
    # Five frames are cut at 0, 1, 2, 3, 4.
    assert bear["J"] == pytest.approx(np.mean(j))
    assert bear["J_recall"] == 0.4
    assert bear["J_decay"] == pytest.approx(1 - THIRD / 2)
    assert one(report, "rhino") == pytest.approx(
        {"J": 1, "J_recall": 1, "J_decay": 0, "F": 1, "F_recall": 1, "F_decay": 0, "JF": 1}
    ), "both empty is 1"
    for name, figure in report.figures.items():
        assert figure == pytest.approx((bear[name] + one(report, "rhino")[name]) / 2), "mean of sequences"
    assert report.figures["JF"] == pytest.approx((report.figures["J"] + report.figures["F"]) / 2)
    assert report.frames == 6


def test_davis16_merges_only_when_asked(tmp_path: Path) -> None:
    ids = HERE + 2 * FAR.astype(np.uint8)
    truth = dataset_of(tmp_path / "t", {"bear": [HERE | FAR] * 3})
    for i in range(3):
        save_ids(tmp_path / "m" / "bear" / f"bear_{i:05d}.png", ids)
    with pytest.raises(InputError, match=r"m/bear/bear_00001\.png: 2 objects .*--merge"):
        evaluate(tmp_path / "m", truth)
    assert evaluate(tmp_path / "m", truth, merge=True).figures["J"] == 1


def test_davis17_counts_all_frames_merges_and_leaves_void_out(tmp_path: Path) -> None:
    ids = HERE.astype(np.uint8) + 2 * FAR
    ids[square(20)] = 255
    for i in range(2):
        save_ids(tmp_path / "t" / "bear" / f"{i:05d}.png", ids)
    # The first mask is right and covers the void pixels too, the second has one object of two.
    ours = masks_of(tmp_path / "m", {"bear": [HERE | FAR | square(20), HERE]})
    report = evaluate(ours, tmp_path / "t", "davis17-unsupervised-merged")
    assert report.sequences[0].values["J"] == [1, 0.5]
    assert report.sequences[0].values["F"][0] == 1
    assert report.settings["merge"] is True


@pytest.mark.parametrize("protocol", ["fbms", "longvideos"])
def test_annotated_frames_that_show_an_object(tmp_path: Path, protocol: str) -> None:
    root = tmp_path / "t" / "cats" / "GT"
    save_ids(root / "00003.png", HERE + 2 * FAR.astype(np.uint8))
    save_ids(root / "00005.png", EMPTY)
    save_ids(root / "00007.png", 3 * HERE.astype(np.uint8))
    for i in range(10):
        save(tmp_path / "m" / "cats" / f"{i:05d}.png", HERE)
    report = evaluate(tmp_path / "m", tmp_path / "t", protocol)
    assert report.sequences[0].frames == ("00003", "00007")
    assert report.sequences[0].values["J"] == [0.5, 1]
    assert report.figures["J"] == 0.75


def test_ytobj_by_class(tmp_path: Path) -> None:
    masks = {"cat0001": [HERE, HERE], "cat0002": [NEAR], "dog0001": [FAR]}
    truth = masks_of(tmp_path / "t", {"cat0001": [HERE, NEAR], "cat0002": [HERE], "dog0001": [HERE]})
    report = evaluate(masks_of(tmp_path / "m", masks), truth, "ytobj")
    cats = [(1 + THIRD) / 2, THIRD]
    assert report.classes["cat"]["J"] == pytest.approx(np.mean(cats))
    assert report.classes["cat"]["sequences"] == 2
    assert report.classes["dog"]["J"] == 0
    assert report.figures["J"] == pytest.approx(sum(cats) / 3), "over sequences"
    assert report.class_mean["J"] == pytest.approx(np.mean(cats) / 2), "over classes"


def test_thresholds_and_sizes(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"bear": [HERE] * 3})
    soft = np.where(HERE, np.uint8(200), np.uint8(0))
    soft[NEAR & ~HERE] = 120
    ours = masks_of(tmp_path / "m", {"bear": [soft] * 3})
    with pytest.raises(InputError, match=r"bear_00001\.png: not a binary mask but 3 grey values"):
        evaluate(ours, truth)
    assert evaluate(ours, truth, threshold=0.5).figures["J"] == 1
    assert evaluate(ours, truth, threshold=0.4).figures["J"] == pytest.approx(100 / 150)
    doubled = masks_of(tmp_path / "d", {"bear": [np.kron(HERE, np.ones((2, 2), bool))] * 3})
    with pytest.raises(InputError, match=r"bear_00001\.png: is 120x80, but .*GT/bear_00001\.png is 60x40"):
        evaluate(doubled, truth)
    assert evaluate(doubled, truth, resize=True).figures["J"] == 1


def test_a_sequence_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"bear": [EMPTY] * 3})
    ours = masks_of(tmp_path / "m", {"bear": [EMPTY] * 3})
    assert evaluate(ours, truth).figures["J"] == 1
    with pytest.raises(InputError, match="t/bear/GT: no annotation of bear shows an object"):
        evaluate(ours, truth, "fbms")


def test_masks_coded_in_two_ways_are_refused(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"bear": [HERE] * 4})
    ours = masks_of(tmp_path / "m", {"bear": [HERE, HERE, HERE.astype(np.uint8), HERE]})
    with pytest.raises(InputError, match=r"bear_00002\.png: the object is 1 here and 255 in bear_00001"):
        evaluate(ours, truth)


def test_masks_of_0_and_1(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"bear": [HERE] * 3})
    ours = masks_of(tmp_path / "m", {"bear": [HERE.astype(np.uint8)] * 3})
    assert evaluate(ours, truth).figures["J"] == 1
    with pytest.raises(InputError, match="leave it out for masks of 0 and 1"):
        evaluate(ours, truth, threshold=0.5)


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    for threshold in (-0.1, 1.0):
        with pytest.raises(InputError, match="--threshold must be"):
            evaluate(tmp_path, tmp_path, threshold=threshold)
    with pytest.raises(InputError, match="saliency"):
        evaluate(tmp_path, tmp_path, "saliency", measure_stability=True)


def test_threads_do_not_change_the_figures(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sequences = {name: [rng.random(SHAPE) < 0.3 for _ in range(9)] for name in "abc"}
    truth = dataset_of(tmp_path / "t", sequences)
    ours = masks_of(tmp_path / "m", {name: masks[::-1] for name, masks in sequences.items()})
    assert evaluate(ours, truth, jobs=1) == evaluate(ours, truth, jobs=5)


@pytest.mark.real
def test_real_masks_by_distances(shared: Path, tmp_path: Path) -> None:
    """Annotations of DAVIS moved by some pixels: J and F by exact distances, of every ninth frame."""
    surf = shared / "data" / "DAVIS_dev" / "surf" / "GT"
    truths = {path.stem: np.asarray(Image.open(path)) for path in sorted(surf.iterdir())}
    for name, mask in truths.items():
        save(tmp_path / f"{name}.png", np.roll(mask, (3, 9), (0, 1)))
    (found,) = evaluate(tmp_path, surf).sequences
    for name, j, f in list(zip(found.frames, found.values["J"], found.values["F"], strict=True))[::9]:
        truth = truths[name]
        moved = np.roll(truth, (3, 9), (0, 1))
        assert j == pytest.approx((moved & truth).sum() / (moved | truth).sum(), abs=1e-12)
        edges = []
        for mask in (moved, truth):
            edge = np.zeros_like(mask)
            edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
            edge[:-1] |= mask[:-1] ^ mask[1:]
            edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
            edges.append(edge)
        near = [distance_transform_edt(~edge) <= 8 for edge in edges]
        precision = (edges[0] & near[1]).sum() / edges[0].sum()
        recall = (edges[1] & near[0]).sum() / edges[1].sum()
        assert f == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-12)


@pytest.mark.real
def test_real_masks_against_themselves(shared: Path, tmp_path: Path) -> None:
    surf = shared / "data" / "DAVIS_dev" / "surf"
    report = evaluate(surf, surf)
    assert report.figures["J"] == report.figures["F"] == 1
    assert report.frames == len(list((surf / "GT").iterdir())) - 2
