"""The ONNX graph: the same masks as torch, half the size, and never a bad file."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_samples import Exported, memory, pictures, small

from dpa.backends.onnx import METADATA, OnnxBackend
from dpa.backends.torch import TorchBackend
from dpa.errors import DPAError, OutputError, WeightsError
from dpa.export import onnx as exporting
from dpa.model.dpa import DPA


def test_the_check_passed(exported: Exported) -> None:
    assert exported.difference <= 1e-4
    assert sorted(p.name for p in exported.folder.iterdir()) == [
        "config.json",
        "model.onnx",
        "model.safetensors",
    ]


@pytest.mark.parametrize("references", [1, 2, 5])
@pytest.mark.parametrize("size", [(64, 64), (96, 160), (256, 32)])
def test_parity_at_any_size_and_number_of_references(
    exported: Exported, size: tuple[int, int], references: int
) -> None:
    image, flow = pictures(*size)
    given = memory(exported.model, references)
    (a, own_a), (b, own_b) = (
        backend(image, flow, given) for backend in (TorchBackend(exported.model), OnnxBackend(exported.graph))
    )
    assert a.shape == b.shape == size
    assert np.abs(a - b).max() <= 1e-4
    assert np.ptp(a) > 0.05  # a network that says the same everywhere would prove nothing
    for x, y in zip(own_a, own_b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-3, rtol=1e-3)


def test_every_input_is_read(exported: Exported) -> None:
    """The exporter takes one example tensor given for two inputs for one input."""
    run = OnnxBackend(exported.graph)
    (image, flow), given = pictures(64, 64), memory(exported.model, 1)
    found, _ = run(image, flow, given)
    for other in (
        (flow, flow, given),
        (image, image, given),
        (image, flow, given._replace(key=given.value)),
        (image, flow, given._replace(value=given.key)),
    ):
        assert np.abs(run(*other)[0] - found).max() > 1e-4


def test_batches_share_their_references(exported: Exported) -> None:
    frames = [pictures(64, 64, seed) for seed in range(3)]
    given = memory(exported.model, 2)
    run = OnnxBackend(exported.graph)
    feed = {
        "image": np.stack([f[0] for f in frames]),
        "flow": np.stack([f[1] for f in frames]),
        "key": given.key[None],
        "value": given.value[None],
    }
    together, keys, values = run._session.run(None, feed)
    assert keys.shape == values.shape == (3, 2, 16, 16)
    for found, (image, flow) in zip(together, frames, strict=True):
        np.testing.assert_allclose(found, run(image, flow, given)[0], atol=1e-5)


def test_weights_are_stored_in_half_precision(exported: Exported) -> None:
    graph = onnx.load(str(exported.graph))
    sizes = {onnx.TensorProto.FLOAT16: 0, onnx.TensorProto.FLOAT: 0}
    for tensor in graph.graph.initializer:
        if tensor.data_type in sizes:
            sizes[tensor.data_type] += int(np.prod(tensor.dims))
    assert sizes[onnx.TensorProto.FLOAT] < 0.1 * sizes[onnx.TensorProto.FLOAT16]
    safetensors = exported.folder / "model.safetensors"
    assert exported.graph.stat().st_size < 1.5 * safetensors.stat().st_size + 2**20


def test_the_graph_carries_its_settings(exported: Exported) -> None:
    assert OnnxBackend(exported.graph).config == exported.model.config
    names = {entry.key for entry in onnx.load(str(exported.graph)).metadata_props}
    assert METADATA in names


@pytest.fixture
def stage1(tmp_path: Path) -> Path:
    """The smallest network there is: appearance only, neither IMA nor IFA."""
    small(motion=False, ima=False, ifa=False).save_pretrained(tmp_path / "stage1")
    return tmp_path / "stage1"


@pytest.mark.slow
def test_command_line(command, stage1: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "graph.onnx"
    code, out, err = command("export", "onnx", "--weights", stage1, "--full", "-o", output)
    assert (code, err) == (0, "")
    assert str(output) in out
    assert "differ from torch's by at most" in out
    image, flow = pictures(64, 96)
    model, given = DPA.from_pretrained(stage1), memory(small(), 1)
    (a, _), (b, _) = (run(image, flow, given) for run in (TorchBackend(model), OnnxBackend(output)))
    assert np.abs(a - b).max() <= 1e-4

    code, _, err = command("export", "onnx", "--weights", stage1, "-o", output)
    assert code == 1
    assert "exists already" in err
    kinds = {t.data_type for t in onnx.load(str(output)).graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in kinds
    assert list(output.parent.iterdir()) == [output]


def test_command_line_errors(command, stage1: Path, tmp_path: Path) -> None:
    code, _, err = command("export", "onnx", "--weights", stage1, "-o", tmp_path / "graph.pt")
    assert code == 1
    assert "graph.pt: an ONNX graph is a file that ends in .onnx" in err
    code, _, err = command("export", "onnx", "--weights", tmp_path / "gone", "-o", tmp_path / "graph.onnx")
    assert code == 1
    assert "gone: no such weights file or folder" in err
    assert not list(tmp_path.glob("*.onnx"))


@pytest.fixture
def instant(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting without the half minute: the graph that is there already is what gets written."""

    def write(_model: DPA, path: Path, _half: bool) -> None:
        path.write_bytes(exported.graph.read_bytes())

    monkeypatch.setattr(exporting, "_write", write)


def test_a_graph_that_differs_is_not_written(instant: None, exported: Exported, tmp_path: Path) -> None:
    other = small()
    other.decoder.predict.bias.data += 1
    for refine in other.decoder.refine:
        refine.predict.bias.data += 1
    with pytest.raises(DPAError, match=r"graph\.onnx: not written: .* differ from torch's by 0\."):
        exporting.export_onnx(other, tmp_path / "graph.onnx")
    assert not list(tmp_path.iterdir())


def test_the_callers_network_is_left_alone(instant: None, exported: Exported, tmp_path: Path) -> None:
    model = small().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    exporting.export_onnx(model, tmp_path / "graph.onnx")
    assert model.training
    assert all((tensor == before[name]).all() for name, tensor in model.state_dict().items())


def test_a_graph_that_cannot_be_written(instant: None, exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/graph\.onnx: cannot be written"):
        exporting.export_onnx(small(), tmp_path / "file" / "graph.onnx")


def test_weights_that_half_precision_cannot_hold(tmp_path: Path) -> None:
    model = small()
    model.decoder.predict.bias.data += 1e6
    with pytest.raises(WeightsError, match=r"decoder\.predict\.bias holds values"):
        exporting.export_onnx(model, tmp_path / "graph.onnx")
