"""The protocol saliency: figures by hand, and those of the library for the same pictures."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from dpa.errors import InputError, MissingExtra
from dpa.evaluate.run import evaluate
from mask_samples import SHAPE, save, square

# Not imported before a test wants it: it takes two seconds.
pytestmark = pytest.mark.skipif(find_spec("py_sod_metrics") is None, reason="py_sod_metrics is not installed")

RNG = np.random.default_rng(5)
TRUTHS = [square(5), square(20, 3, 21), square(0, 0, 30)]
MAPS = [
    np.clip(200 * truth + RNG.normal(40, 30, SHAPE), 0, 255).astype(np.uint8) for truth in TRUTHS
]  # noisy, right on the whole


def stills(root: Path, maps: list[np.ndarray], folder: str = "") -> Path:
    for index, one in enumerate(maps):
        save(root / folder / f"ecssd_{index:04d}.png", one)
    return root


def test_by_hand(tmp_path: Path) -> None:
    truth = stills(tmp_path / "t", [square(0)], "GT")
    same = evaluate(stills(tmp_path / "a", [square(0)]), truth, "saliency")
    assert same.figures["MAE"] == 0
    assert same.figures["F_max"] == pytest.approx(1)
    assert same.figures["S"] == pytest.approx(1)
    # 50 pixels too many and 50 too few of 2400. At every threshold above 0 precision and recall are 1/2, so
    # F-beta is 1.3 / 4 / (0.3 / 2 + 1 / 2) = 1/2; at 0 all is object: precision 100 / 2400, recall 1.
    near = evaluate(stills(tmp_path / "b", [square(5)]), truth, "saliency")
    assert near.figures["MAE"] == pytest.approx(100 / 2400)
    assert near.figures["F_max"] == pytest.approx(0.5)
    all_object = 1.3 / 24 / (0.3 / 24 + 1)
    assert near.figures["F_mean"] == pytest.approx((255 * 0.5 + all_object) / 256)


def test_is_the_library(tmp_path: Path) -> None:
    import py_sod_metrics as sod

    report = evaluate(stills(tmp_path / "m", MAPS), stills(tmp_path / "t", TRUTHS, "GT"), "saliency").figures
    mae, s, e = sod.MAE(), sod.Smeasure(), sod.Emeasure()
    f = sod.FmeasureV2({"f": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3)})
    weighted = sod.WeightedFmeasure()
    for soft, truth in zip(MAPS, TRUTHS, strict=True):
        for metric in (mae, s, e, f, weighted):
            metric.step(soft, truth.astype(np.uint8) * 255)
    curves = f.get_results()["f"]["dynamic"], e.get_results()["em"]["curve"]
    wanted = {"MAE": mae.get_results()["mae"], "S": s.get_results()["sm"]}
    wanted |= {"F_adaptive": f.get_results()["f"]["adaptive"], "F_weighted": weighted.get_results()["wfm"]}
    for name, curve in zip("FE", curves, strict=True):
        wanted |= {f"{name}_max": curve.max(), f"{name}_mean": curve.mean()}
    assert report == pytest.approx(wanted, abs=1e-12)


def test_by_picture(tmp_path: Path) -> None:
    report = evaluate(stills(tmp_path / "m", MAPS), stills(tmp_path / "t", TRUTHS), "saliency")
    (pictures,) = report.sequences
    assert pictures.frames == ("ecssd_0000", "ecssd_0001", "ecssd_0002")
    for name in ("MAE", "S", "F_mean", "E_mean"):
        assert report.figures[name] == pytest.approx(np.mean(pictures.values[name]))


@pytest.mark.parametrize("protocol", ["davsod", "visal"])
def test_of_videos_each_sequence_weighs_the_same(tmp_path: Path, protocol: str) -> None:
    for sequence, some in (("one", slice(0, 1)), ("two", slice(1, 3))):
        stills(tmp_path / "m" / sequence, MAPS[some])
        stills(tmp_path / "t" / sequence, TRUTHS[some], "GT")
    # A map of a frame that nobody annotated is not read.
    save(tmp_path / "m" / "two" / "ecssd_0009.png", MAPS[0])
    report = evaluate(tmp_path / "m", tmp_path / "t", protocol)
    one, two = report.sequences
    assert (len(one.frames), len(two.frames)) == (1, 2)
    for name in ("MAE", "S", "F_mean", "E_mean", "F_adaptive", "F_weighted"):
        assert report.figures[name] == pytest.approx((one.figures[name] + two.figures[name]) / 2)
    assert report.figures["F_max"] <= (one.figures["F_max"] + two.figures["F_max"]) / 2 + 1e-12


def test_annotations_of_0_and_1_and_grey_ones(tmp_path: Path) -> None:
    maps = stills(tmp_path / "m", MAPS)
    wanted = evaluate(maps, stills(tmp_path / "t", TRUTHS), "saliency").figures
    ones = stills(tmp_path / "u", [truth.astype(np.uint8) for truth in TRUTHS])
    assert evaluate(maps, ones, "saliency").figures == wanted
    grey = [np.where(t, np.uint8(250), np.uint8(0)) for t in TRUTHS]
    for one in grey:
        one[0, 0], one[0, -1] = 120, 90  # below half: no object
    truths = [t & ~(np.indices(SHAPE).sum(0) == 0) for t in TRUTHS]
    figures = evaluate(maps, stills(tmp_path / "g", grey), "saliency").figures
    assert figures == evaluate(maps, stills(tmp_path / "h", truths), "saliency").figures


def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = stills(tmp_path / "t", TRUTHS)
    with pytest.raises(InputError, match="no mask of frame ecssd_0002"):
        evaluate(stills(tmp_path / "m", MAPS[:2]), truth, "saliency")
    large = stills(tmp_path / "l", [np.kron(m, np.ones((2, 2), np.uint8)) for m in MAPS])
    with pytest.raises(InputError, match=r"ecssd_0000\.png: is 120x80.*--resize"):
        evaluate(large, truth, "saliency")
    assert evaluate(large, truth, "saliency", resize=True).figures["MAE"] < 0.3
    monkeypatch.setitem(__import__("sys").modules, "py_sod_metrics", None)
    with pytest.raises(MissingExtra, match=r'pip install "dpa-vos\[evaluate\]"'):
        evaluate(truth, truth, "saliency")
