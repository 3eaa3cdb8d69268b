import json
from pathlib import Path

import pytest

from dpa.errors import InputError
from dpa.evaluate.compare import LOW_IS_GOOD, _labels, compare, frame_values
from dpa.evaluate.run import evaluate
from dpa.evaluate.table import LABELS
from mask_samples import dataset_of, masks_of, square

NAMES = ("ant", "bee", "cat")


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """`a.json` and `b.json`: from a to b ant gets worse, bee stays, cat gets better."""
    truth = dataset_of(tmp_path / "t", {name: [square(10)] * 5 for name in NAMES})
    for label, lefts in {"a": (10, 15, 19), "b": (15, 15, 10)}.items():
        masks = {name: [square(left)] * 5 for name, left in zip(NAMES, lefts, strict=True)}
        ours = masks_of(tmp_path / label, masks)
        evaluate(ours, truth).write_json(tmp_path / f"{label}.json")
    return tmp_path


def test_sequences_are_sorted_by_their_difference(reports: Path) -> None:
    found = compare([reports / "a.json", reports / "b.json"], "J")
    assert [row.name for row in found.rows] == ["ant", "bee", "cat"]
    assert [row.differences[0] for row in found.rows] == pytest.approx([1 / 3 - 1, 0, 1 - 10 / 190])
    assert found.mean.differences[0] == pytest.approx(sum(row.differences[0] for row in found.rows) / 3)
    assert found.labels == ["a", "b"]
    back = compare([reports / "b.json", reports / "a.json"], "J")
    assert [row.name for row in back.rows] == ["cat", "bee", "ant"]
    assert compare([reports / "a.json", reports / "b.json"]).measure == "JF"


def test_of_decay_less_is_better(reports: Path, tmp_path: Path) -> None:
    masks = {name: [square(10)] * 5 for name in NAMES} | {"bee": [square(10), *[square(15)] * 4]}
    evaluate(masks_of(tmp_path / "c", masks), reports / "t", "davis16").write_json(tmp_path / "c.json")
    masks["bee"] = [square(10)] * 2 + [square(15)] * 3
    evaluate(masks_of(tmp_path / "d", masks), reports / "t", "davis16").write_json(tmp_path / "d.json")
    found = compare([tmp_path / "c.json", tmp_path / "d.json"], "J_decay")
    assert found.rows[0].name == "bee"
    assert found.rows[0].differences[0] > 0


def test_of_ghosts_fewer_are_better(reports: Path) -> None:
    for label, shares in {"a": (0.1, 0.1, 0.1), "b": (0.1, 0.3, 0.0)}.items():
        path = reports / f"{label}.json"
        data = json.loads(path.read_text()) | {"ghosts": sum(shares) / 3}
        for name, share in zip(NAMES, shares, strict=True):
            data["sequences"][name]["ghosts"] = share
        path.write_text(json.dumps(data))
    found = compare([reports / "a.json", reports / "b.json"], "ghosts")
    assert [row.name for row in found.rows] == ["bee", "ant", "cat"]


def test_every_figure_is_known_as_good_or_bad() -> None:
    low = {name for name in LABELS if name in LOW_IS_GOOD}
    assert low == {"MAE", "J_decay", "F_decay", "changes", "ghosts", "ghosts_worst"}


def test_files_of_one_name_in_folders_of_one_name(tmp_path: Path) -> None:
    files = [tmp_path / place / "x" / "y" / "a.json" for place in "pq"]
    assert _labels([Path("b.json"), Path("a.json")]) == ["b", "a"]
    assert _labels(files) == ["1: a", "2: a"]
    assert _labels([one.parent.parent / "a.json" for one in files]) == ["p/x/a", "q/x/a"]
    assert _labels([files[0], files[0]]) == ["1: a", "2: a"]


def test_three_reports_and_files_of_one_name(reports: Path) -> None:
    (reports / "old").mkdir()
    (reports / "old" / "a.json").write_bytes((reports / "a.json").read_bytes())
    found = compare([reports / "a.json", reports / "b.json", reports / "old" / "a.json"])
    assert found.labels == [f"{reports.name}/a", f"{reports.name}/b", "old/a"]
    assert all(len(row.differences) == 2 and row.differences[1] == 0 for row in found.rows)
    assert [row.name for row in found.rows] == ["ant", "bee", "cat"], "largest loss of any first"


def test_other_settings_are_told(reports: Path) -> None:
    evaluate(reports / "a", reports / "t", threshold=0.5).write_json(reports / "cut.json")
    found = compare([reports / "a.json", reports / "cut.json"])
    assert found.notes == ["measured with different settings of threshold: a None, cut 0.5"]


def test_frame_values(reports: Path) -> None:
    sequence = compare([reports / "a.json", reports / "b.json"]).reports[0][1].sequences[1]
    j, f = sequence.values["J"], sequence.values["F"]
    both = [(a + b) / 2 for a, b in zip(j, f, strict=True)]
    assert frame_values(sequence, "JF") == ("JF", pytest.approx(both))
    assert frame_values(sequence, "F_decay") == ("F", f)
    assert frame_values(sequence, "J_recall") == ("J", j)


def test_refusals(reports: Path) -> None:
    a = reports / "a.json"
    with pytest.raises(InputError, match="two reports or more"):
        compare([a])
    with pytest.raises(InputError, match=r"unknown measure 'IoU'.*J, J_recall"):
        compare([a, reports / "b.json"], "IoU")
    evaluate(reports / "a", reports / "t", "fbms").write_json(reports / "fbms.json")
    with pytest.raises(InputError, match=r"fbms\.json: measured by fbms, but .*a\.json by davis16"):
        compare([a, reports / "fbms.json"])
    evaluate(reports / "a" / "ant", reports / "t" / "ant").write_json(reports / "ant.json")
    with pytest.raises(InputError, match=r"ant\.json: has no sequence bee, which .*a\.json has"):
        compare([a, reports / "ant.json"])
    with pytest.raises(InputError, match=r"ant\.json: has no sequence bee"):
        compare([reports / "ant.json", a])
    short = dataset_of(reports / "short", {name: [square(10)] * 4 for name in NAMES})
    evaluate(short, short).write_json(reports / "short.json")
    with pytest.raises(InputError, match=r"short\.json: scores other frames of ant than .*\(2 and 3\)"):
        compare([a, reports / "short.json"])
