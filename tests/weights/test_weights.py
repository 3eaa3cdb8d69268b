"""Weights by name: cards, checksums, and errors that say what to do."""

import json
from pathlib import Path

import pytest

from dpa import weights
from dpa.errors import WeightsError
from dpa.weights import registry

DATA = [weights.TrainingData("DAVIS-2016", "24 train sequences, stage 2", "CC BY-NC 4.0")]
RECIPE = weights.Recipe(["dpa pretrain stage1", "dpa finetune stage2"], "0123abc", "two hours on two cores")
FIGURES = weights.Figures(
    "DAVIS_dev",
    "dpa segment, DIS flow",
    {"surf": {"J": 80.0, "F": 70.0, "JF": 75.0}},
    {"J": 80, "F": 70, "JF": 75},
)


def make(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights" * 100)
    (folder / "model.onnx").write_bytes(b"graph" * 100)
    weights.write_card(
        folder, name=name, version="1", licence="CC BY-NC 4.0", data=DATA, recipe=RECIPE, figures=FIGURES
    )
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DPA_HOME", str(tmp_path))
    return tmp_path / "weights"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for dpa/weights inside the package."""
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "package" / "registry.py"))
    return tmp_path / "package"


def test_card_goes_round(tmp_path: Path) -> None:
    folder = make(tmp_path / "w", "dpa-mobile")
    card = weights.read_card(folder)
    assert card.name == "dpa-mobile"
    assert card.data == DATA
    assert card.recipe == RECIPE
    assert card.figures == FIGURES
    assert card.files["model.onnx"]["bytes"] == 500
    shown = (folder / "README.md").read_text()
    for wanted in (
        "CC BY-NC 4.0",
        "| surf | 80.0 | 70.0 | 75.0 |",
        "0123abc",
        card.files["model.onnx"]["sha256"],
    ):
        assert wanted in shown


def test_card_without_weights_or_figures(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no \.safetensors or \.onnx"):
        weights.write_card(tmp_path, name="x", version="1", licence="MIT", data=DATA, recipe=RECIPE)
    (tmp_path / "model.onnx").write_bytes(b"x")
    weights.write_card(tmp_path, name="x", version="1", licence="MIT", data=DATA, recipe=RECIPE)
    assert weights.read_card(tmp_path).figures is None
    assert "Not measured." in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x"}'])
def test_damaged_card_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(WeightsError, match=r"card\.json: not a weights card"):
        weights.read_card(tmp_path)


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(WeightsError, match="did you mean 'dpa-vgg16'"):
        weights.find("dpa-vg16")


def test_unpublished_weights_say_how_to_get_them(home: Path, package: Path) -> None:
    entry = weights.find("dpa-pvt-b2")
    assert entry.path is None
    for use in (lambda: entry.folder, lambda: entry.file("onnx"), entry.card):
        with pytest.raises(WeightsError, match="dpa finetune") as caught:
            use()
        assert str(home / "dpa-pvt-b2") in str(caught.value)


def test_own_weights_are_found_by_name(home: Path, package: Path) -> None:
    make(home / "dpa-vgg16", "dpa-vgg16")
    make(home / "mine", "mine")
    (home / "unfinished").mkdir()
    assert [entry.name for entry in weights.entries()] == [*registry.NAMED, "mine"]
    entry = weights.find("dpa-vgg16")
    assert not entry.embedded
    assert entry.file("onnx") == home / "dpa-vgg16" / "model.onnx"
    weights.verify(entry)
    weights.verify(weights.find("mine"))


def test_embedded_weights_win(home: Path, package: Path) -> None:
    make(home / "dpa-mobile", "dpa-mobile")
    inside = make(package / "dpa-mobile", "dpa-mobile")
    entry = weights.find("dpa-mobile")
    assert entry.embedded
    assert entry.folder == inside


def test_missing_file_is_named_with_the_mend(home: Path, package: Path) -> None:
    (make(home / "dpa-vgg16", "dpa-vgg16") / "model.onnx").unlink()
    with pytest.raises(WeightsError, match=r"model\.onnx: missing .*`dpa export onnx --weights"):
        weights.find("dpa-vgg16").file("onnx")
    how = r"model\.int8\.onnx: missing .*`dpa export onnx --int8 --video VIDEO --weights"
    with pytest.raises(WeightsError, match=how):
        weights.find("dpa-vgg16").file("int8")
    (make(package / "dpa-mobile", "dpa-mobile") / "model.onnx").unlink()
    with pytest.raises(WeightsError, match="install dpa-vos again"):
        weights.find("dpa-mobile").file("onnx")
    # The package need not have one.
    with pytest.raises(WeightsError, match=how):
        weights.find("dpa-mobile").file("int8")


def test_a_graph_in_8_bits_is_a_file_like_others(home: Path, package: Path) -> None:
    folder = make(home / "dpa-vgg16", "dpa-vgg16")
    (folder / "model.int8.onnx").write_bytes(b"small" * 10)
    weights.write_card(folder, name="dpa-vgg16", version="1", licence="MIT", data=DATA, recipe=RECIPE)
    entry = weights.find("dpa-vgg16")
    assert entry.file("int8") == folder / "model.int8.onnx"
    assert entry.card().files["model.int8.onnx"]["bytes"] == 50
    (folder / "model.int8.onnx").write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"model\.int8\.onnx: damaged or changed"):
        weights.verify(entry)


def test_verify_finds_changed_and_missing_files(home: Path, package: Path) -> None:
    folder = make(home / "dpa-vgg16", "dpa-vgg16")
    entry = weights.find("dpa-vgg16")
    (folder / "model.safetensors").write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"model\.safetensors: damaged or changed"):
        weights.verify(entry)
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors: missing"):
        weights.verify(entry)


@pytest.mark.parametrize(("name", "kind"), [("dpa-mobile", "onnx"), ("dpa-base", "int8")])
def test_embedded_weights_are_whole(name: str, kind: registry.Kind) -> None:
    entry = weights.find(name)
    assert entry.embedded
    weights.verify(entry)
    for each in ("safetensors", kind):
        assert entry.file(each).stat().st_size <= 16 * 2**20
    card = entry.card()
    assert card.name == name
    assert card.licence
    assert card.data
    assert card.figures is not None
    assert json.loads(entry.file("config").read_text())
