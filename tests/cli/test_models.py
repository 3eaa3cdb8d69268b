"""`dpa models`."""

import json
from pathlib import Path

import pytest

from dpa.weights import Figures, Recipe, TrainingData, write_card
from dpa.weights.registry import NAMED


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights that a user has put into the cache folder."""
    monkeypatch.setenv("DPA_HOME", str(tmp_path))
    folder = tmp_path / "weights" / "dpa-vgg16"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(2**20))
    row = {"J": 81.0, "F": 79.0, "JF": 80.0}
    write_card(
        folder,
        name="dpa-vgg16",
        version="3",
        licence="CC BY-NC 4.0",
        data=[TrainingData("DAVIS-2016", "stage 2", "CC BY-NC 4.0")],
        recipe=Recipe(["dpa finetune"], "0123abc"),
        figures=Figures("DAVIS_dev", "dpa segment", {"surf": row}, row),
    )
    return folder


def test_table_names_every_network(command, mine: Path) -> None:
    code, out, _ = command("models")
    assert code == 0
    lines = out.splitlines()
    for name in NAMED:
        assert any(line.startswith(name) for line in lines)
    assert any(line.startswith("dpa-vgg16") and "yours" in line and "80.0" in line for line in lines)
    for wanted in ("licence: CC BY-NC 4.0", "trained on DAVIS-2016", "1.0 MiB", str(mine)):
        assert wanted in out


def test_a_damaged_card_hides_nothing(command, mine: Path) -> None:
    (mine / "card.json").write_text("{}")
    code, out, _ = command("models")
    assert code == 0
    assert "not a weights card" in out
    assert "dpa-pvt-b2" in out


def test_json_holds_the_cards(command, mine: Path) -> None:
    code, out, _ = command("models", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert set(NAMED) <= set(rows)
    assert rows["dpa-vgg16"]["folder"] == str(mine)
    assert rows["dpa-vgg16"]["card"]["figures"]["mean"]["JF"] == 80
    assert rows["dpa-pvt-b2"]["card"] is None
