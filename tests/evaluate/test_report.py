import csv
import json
from pathlib import Path

import pytest

import dpa
from dpa.errors import InputError, OutputError
from dpa.evaluate.report import Report, read_report
from dpa.evaluate.run import evaluate
from mask_samples import dataset_of, masks_of, square


@pytest.fixture
def report(tmp_path: Path) -> Report:
    truth = dataset_of(tmp_path / "t", {"cat1": [square(0)] * 4, "dog1": [square(9)] * 3})
    ours = masks_of(tmp_path / "m", {"cat1": [square(5)] * 4, "dog1": [square(9)] * 3})
    return evaluate(ours, truth, "ytobj")


def test_json_has_the_figures_at_the_top_and_the_rest_by_sequence(tmp_path: Path, report: Report) -> None:
    report.write_json(tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    assert list(data)[:7] == ["J", "J_recall", "J_decay", "F", "F_recall", "F_decay", "JF"]
    assert data["J"] == pytest.approx((1 / 3 + 1) / 2)
    assert data["JF"] == pytest.approx((data["J"] + data["F"]) / 2)
    assert (data["protocol"], data["version"], data["frames"]) == ("ytobj", dpa.__version__, 7)
    settings = {"threshold": None, "resize": False, "merge": True, "stability": False, "cutouts": None}
    assert data["settings"] == settings
    assert data["classes"]["cat"]["J"] == pytest.approx(1 / 3)
    assert data["class_mean"]["J"] == pytest.approx(2 / 3)
    cat = data["sequences"]["cat1"]
    assert cat["class"] == "cat"
    assert cat["J"] == pytest.approx(1 / 3)
    assert cat["frames"]["name"] == [f"cat1_{i:05d}" for i in range(4)]
    assert cat["frames"]["J"] == pytest.approx([1 / 3] * 4)
    assert len(cat["frames"]["F"]) == 4


def test_json_is_read_again(tmp_path: Path, report: Report) -> None:
    report.write_json(tmp_path / "r.json")
    assert read_report(tmp_path / "r.json") == report


def test_csv_has_a_row_per_sequence(tmp_path: Path, report: Report) -> None:
    report.write_csv(tmp_path / "r.csv")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [(row["sequence"], row["class"], row["frames"]) for row in rows] == [
        ("cat1", "cat", "4"),
        ("dog1", "dog", "3"),
    ]
    assert float(rows[0]["J"]) == pytest.approx(1 / 3, abs=1e-6)
    assert float(rows[1]["JF"]) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"J": 1, "frames": 2}', '{"frames": 1, "sequences": []}'])
def test_other_files_are_no_reports(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"r\.json: is no report of `dpa evaluate --json`"):
        read_report(path)


def test_files_that_cannot_be_read_or_written(tmp_path: Path, report: Report) -> None:
    with pytest.raises(InputError, match=r"gone\.json: no such file"):
        read_report(tmp_path / "gone.json")
    with pytest.raises(OutputError, match=r"nowhere/r\.csv cannot be written"):
        report.write_csv(tmp_path / "nowhere" / "r.csv")
    data = report.as_json() | {"protocol": "davis42"}
    (tmp_path / "new.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="davis42"):
        read_report(tmp_path / "new.json")


@pytest.mark.parametrize("values", [[0.5], [0.5] * 5])
def test_a_measure_of_fewer_or_more_frames_than_there_are_is_no_report(
    tmp_path: Path, report: Report, values: list[float]
) -> None:
    data = report.as_json()
    data["sequences"]["cat1"]["frames"]["F"] = values
    (tmp_path / "r.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"r\.json: is no report"):
        read_report(tmp_path / "r.json")
