"""The ONNX graph: the same masks as torch, half the size, and never a bad file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from graph_samples import Exported, memory, pictures, rounded, small

from dpa.backends import Memory
from dpa.backends.onnx import METADATA, PRECISION, OnnxBackend
from dpa.backends.torch import TorchBackend
from dpa.errors import DPAError, OutputError, WeightsError
from dpa.export import onnx as exporting
from dpa.model.dpa import DPA
from small_encoder import THREE_LAYERS


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
    (a, own_a, features_a), (b, own_b, features_b) = (
        backend(image, flow, given, remember=True, features=True)
        for backend in (TorchBackend(exported.model), OnnxBackend(exported.graph))
    )
    assert a.shape == b.shape == (1, *size)
    assert len(own_a) == len(own_b) == 1
    assert np.abs(a - b).max() <= 1e-4
    assert np.ptp(a) > 0.05  # a network that says the same everywhere would prove nothing
    assert [level.shape[1] for level in features_a[0]] == [size[0] // stride for stride in (4, 8, 16)]
    for x, y in zip([*own_a[0], *features_a[0]], [*own_b[0], *features_b[0]], strict=True):
        np.testing.assert_allclose(x, y, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_a_network_that_looks_at_dinov2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"ima": False, "ifa": False, "motion": False, "dinov2": True}
    model, path = rounded(encoder=THREE_LAYERS, **changes), tmp_path / "model.onnx"
    assert exporting.export_onnx(model, path) <= 1e-4
    run, (image, flow) = OnnxBackend(path, torch.get_num_threads()), pictures(96, 128, frames=2)
    assert run.config.dinov2
    found = run(image, flow, Memory.blank(model.config), features=True)
    wanted = TorchBackend(model)(image, flow, Memory.blank(model.config), features=True)
    np.testing.assert_allclose(found.probability, wanted.probability, atol=1e-4)
    for maps, others in zip(found.features, wanted.features, strict=True):
        assert [plane.shape for plane in maps] == [(8, 12, 16), (384, 6, 8)]
        np.testing.assert_allclose(maps[-1], others[-1], atol=1e-3)
    given = [maps[-1][:, :, ::-1] for maps in found.features]  # of frames shown mirrored, say
    monkeypatch.setattr("dpa.model.dpa.appearance", None)  # nothing is computed where they are given
    monkeypatch.setattr("dpa.backends.onnx.appearance", None)
    told = [
        backend(image, flow, Memory.blank(model.config), features=True, dinov2=given)
        for backend in (run, TorchBackend(model))
    ]
    np.testing.assert_allclose(told[0].probability, told[1].probability, atol=1e-4)
    assert np.abs(told[0].probability - found.probability).max() > 1e-3
    for seen in told:
        for maps, own in zip(seen.features, given, strict=True):
            np.testing.assert_array_equal(maps[-1], own)


def test_what_is_exported_computes_what_torch_does(exported: Exported) -> None:
    (image, flow), given = pictures(64, 96, frames=2), memory(exported.model, 2)
    wanted, own, _ = TorchBackend(exported.model)(image, flow, given, remember=True)
    arrays = (image, flow, given.key[None], given.value[None])
    with torch.inference_mode():
        found, *_, keys, values = exporting.FrameGraph(exported.model)(*map(torch.from_numpy, arrays))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(keys, np.stack([memory.key for memory in own]), atol=1e-4, rtol=1e-3)
    np.testing.assert_allclose(values, np.stack([memory.value for memory in own]), atol=1e-4, rtol=1e-3)


def test_every_input_is_read(exported: Exported) -> None:
    """The exporter takes one example tensor given for two inputs for one input."""
    run = OnnxBackend(exported.graph)
    (image, flow), given = pictures(64, 64), memory(exported.model, 1)
    found, _, _ = run(image, flow, given)
    for other in (
        (flow, flow, given),
        (image, image, given),
        (image, flow, given._replace(key=given.value)),
        (image, flow, given._replace(value=given.key)),
    ):
        assert np.abs(run(*other)[0] - found).max() > 1e-4


def feed(images: np.ndarray, flows: np.ndarray, given: Memory, **more: object) -> dict[str, np.ndarray]:
    """What the graph is given, without a backend."""
    arrays = {"image": images, "flow": flows, "key": given.key[None], "value": given.value[None]}
    return arrays | {name: np.array(value) for name, value in more.items()}


def session(graph: Path) -> Any:
    return onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])


def test_a_batch_shares_its_references(exported: Exported) -> None:
    images, flows = pictures(64, 64, frames=3)
    given = memory(exported.model, 2)
    together, *_, keys, values = session(exported.graph).run(None, feed(images, flows, given, remember=True))
    assert keys.shape == values.shape == (3, 2, 16, 16)
    apart, own, _ = OnnxBackend(exported.graph)(images, flows, given, remember=True)
    np.testing.assert_allclose(together, apart, atol=1e-5)
    np.testing.assert_allclose(keys, np.stack([memory.key for memory in own]), atol=1e-3, rtol=1e-3)


def test_own_prototypes_are_computed_where_they_are_asked_for(exported: Exported) -> None:
    run, given = session(exported.graph), memory(exported.model, 2)
    assert {i.name: i.type for i in run.get_inputs()}["remember"] == "tensor(bool)"
    frame = pictures(64, 96)
    with_them, _, _, _, *own = run.run(None, feed(*frame, given, remember=True))
    without, _, _, _, *none = run.run(None, feed(*frame, given, remember=False))
    assert np.array_equal(without, with_them)
    assert [array.shape for array in own] == [(1, 2, 16, 16)] * 2
    assert [array.size for array in none] == [0, 0]


def products(nodes: Any) -> int:
    return sum(node.op_type in ("Conv", "MatMul", "Gemm") for node in nodes)


def test_what_only_they_need_lies_in_the_branch(exported: Exported) -> None:
    graph = onnx.load(str(exported.graph)).graph
    (choice,) = [node for node in graph.node if node.op_type == "If"]
    then, other = (
        next(a.g for a in choice.attribute if a.name == f"{name}_branch") for name in ("then", "else")
    )
    assert products(then.node) > 0
    assert [node.op_type for node in other.node] == ["Constant", "Constant"]
    # Nothing outside that only the branch would read.
    read = {name for node in graph.node if node is not choice for name in node.input}
    inside = {name for node in then.node for name in node.input}
    outputs = {output.name for output in graph.output}
    for node in graph.node:
        if inside.intersection(node.output):
            assert (read | outputs).intersection(node.output), node.name


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
    backend = OnnxBackend(exported.graph)
    assert (backend.config, backend.precision) == (exported.model.config, "fp32")
    names = {entry.key for entry in onnx.load(str(exported.graph)).metadata_props}
    assert names == {METADATA, PRECISION}


@pytest.fixture
def stage1(tmp_path: Path) -> Path:
    """The smallest network there is: three layers, appearance only, neither IMA nor IFA."""
    small(encoder=THREE_LAYERS, motion=False, ima=False, ifa=False).save_pretrained(tmp_path / "stage1")
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
    (a, *_), (b, *_) = (run(image, flow, given) for run in (TorchBackend(model), OnnxBackend(output)))
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
    with pytest.raises(OutputError, match=r"file: cannot be made"):
        exporting.export_onnx(small(), tmp_path / "file" / "graph.onnx")


def test_weights_that_half_precision_cannot_hold(tmp_path: Path) -> None:
    model = small()
    model.decoder.predict.bias.data += 1e6
    with pytest.raises(WeightsError, match=r"decoder\.predict\.bias holds values"):
        exporting.export_onnx(model, tmp_path / "graph.onnx")


def test_no_trace_of_the_machine(exported: Exported) -> None:
    assert b"stack_trace" not in exported.graph.read_bytes()
