"""Weights on disk: the round trip, every way to name them, and every way for them to be wrong."""

import json
import pickle
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from model_samples import build, pair, remember
from safetensors.torch import load_file, save_file

from dpa.errors import InputError, OutputError, WeightsError
from dpa.model.dpa import DPA


@pytest.fixture(scope="module")
def written(tiny: DPA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    tiny.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    shutil.copytree(written, tmp_path / "tiny")
    return tmp_path / "tiny"


def same(a: DPA, b: DPA) -> bool:
    other = b.state_dict()
    return all(torch.equal(x, other[name]) for name, x in a.state_dict().items())


def test_round_trip(tiny: DPA, written: Path) -> None:
    assert sorted(p.name for p in written.iterdir()) == ["config.json", "model.safetensors"]
    for source in (written, str(written), written / "model.safetensors"):
        again = DPA.from_pretrained(source)
        assert again.config == tiny.config
        assert not again.training
        assert same(again, tiny)


@torch.inference_mode()
def test_half_is_half_the_size_and_nearly_the_same(tiny: DPA, written: Path, tmp_path: Path) -> None:
    tiny.save_pretrained(tmp_path, half=True)
    sizes = [(f / "model.safetensors").stat().st_size for f in (written, tmp_path)]
    assert sizes[1] < 0.55 * sizes[0]
    assert next(tiny.parameters()).dtype == torch.float32  # the model itself is left alone
    again = DPA.from_pretrained(tmp_path)
    assert next(again.parameters()).dtype == torch.float32
    image, flow = pair(1, 96, 128)
    a, b = (m.segment(m.encode(image, flow), remember(m, 1))[-1] for m in (tiny, again))
    assert (a - b).abs().mean() < 0.01


def test_half_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    model = build()
    with torch.no_grad():
        model.decoder.predict.bias.fill_(1e6)
    with pytest.raises(WeightsError, match=r"decoder\.predict\.bias holds values that half precision cannot"):
        model.save_pretrained(tmp_path / "x", half=True)
    assert not (tmp_path / "x").exists()


def test_by_name(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DPA_HOME", str(tmp_path))
    shutil.copytree(written, tmp_path / "weights" / "mine-1.5")
    assert DPA.from_pretrained("mine-1.5").config.dim == 16
    with pytest.raises(WeightsError, match=r"no network is called 'mine-1'.*did you mean 'mine-1\.5'"):
        DPA.from_pretrained("mine-1")
    with pytest.raises(WeightsError, match="no weights of dpa-pvt-b2 are on this machine"):
        DPA.from_pretrained("dpa-pvt-b2")


def test_by_hub_id(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(name: str, file: str) -> str:
        asked.append((name, file))
        return str(written / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert DPA.from_pretrained("owner/dpa-v1.5").config.dim == 16
    assert asked == [("owner/dpa-v1.5", "config.json"), ("owner/dpa-v1.5", "model.safetensors")]


def test_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> None:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(WeightsError, match="owner/dpa: neither a folder here nor to be had from the hub"):
        DPA.from_pretrained("owner/dpa")


@pytest.mark.parametrize("source", ["a/b/c", "x.safetensors", "a/x.onnx", "/nowhere/at/all", Path("gone")])
def test_missing_files_are_named(source: str | Path) -> None:
    with pytest.raises(WeightsError, match="no such weights file or folder") as caught:
        DPA.from_pretrained(source)
    assert str(source) in str(caught.value)


def test_missing_parts_of_a_folder(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors: no such weights file"):
        DPA.from_pretrained(folder)
    (folder / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"config\.json: no such file; weights are a folder with"):
        DPA.from_pretrained(folder)


@pytest.mark.parametrize("keep", [0, 4, 1000, -1])
def test_truncated(folder: Path, keep: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"model\.safetensors: truncated, or not a safetensors file"):
        DPA.from_pretrained(folder)


def test_tensors_that_do_not_fit(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)

    def refused(changed: dict[str, torch.Tensor], wanted: str) -> None:
        save_file(changed, file)
        with pytest.raises(WeightsError, match=f"model.safetensors: does not fit the network.*{wanted}"):
            DPA.from_pretrained(folder)

    name = "decoder.predict.weight"
    refused(
        tensors | {name: torch.zeros(1, 9, 1, 1)}, r"predict\.weight is \(1, 9, 1, 1\), not \(1, 8, 1, 1\)"
    )
    refused({k: v for k, v in tensors.items() if k != name}, r"predict\.weight is missing")
    refused(tensors | {"extra": torch.zeros(1)}, "has no extra")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"dims": 64}', "unknown setting 'dims' .*did you mean 'dim'"),
        ('{"encoder": "vgg19"}', "unknown encoder 'vgg19'"),
        ('{"dim": "64"}', "'dim' of the network is '64'"),
        ("[]", "names with values"),
        ("{", "not a network's settings"),
        ("\udcff", "not a network's settings"),
    ],
)
def test_settings_that_do_not_fit(folder: Path, text: str, wanted: str) -> None:
    (folder / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(WeightsError, match=rf"config\.json: .*{wanted}"):
        DPA.from_pretrained(folder)


class Trap:
    """Unpickling this leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.safetensors"])
def test_weights_are_never_unpickled(folder: Path, tmp_path: Path, name: str) -> None:
    mark = tmp_path / "unpickled"
    (folder / name).write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(WeightsError, match=r"pickled weights can run code|not a safetensors file"):
        DPA.from_pretrained(folder / name)
    assert not mark.exists()


def test_folders_that_cannot_be_written(tiny: DPA, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be made"):
        tiny.save_pretrained(tmp_path / "file")


def test_settings_without_a_file_are_an_input_error() -> None:
    with pytest.raises(InputError):
        build(encoder="nothing")


def test_the_configuration_is_plain_json(written: Path) -> None:
    values = json.loads((written / "config.json").read_text())
    assert values["encoder"] == "mobilenetv2_100"
    assert values["mean"] == [0.5, 0.5, 0.5]
