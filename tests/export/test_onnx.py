"""The ONNX graph: the same masks as torch, half the size, and never a bad file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_samples import Exported, memory, pictures, small
from onnx import TensorProto, helper

from dpa.backends import Memory
from dpa.backends.onnx import METADATA, PRECISION, OnnxBackend
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
        backend(image, flow, given, remember=True)
        for backend in (TorchBackend(exported.model), OnnxBackend(exported.graph))
    )
    assert a.shape == b.shape == (1, *size)
    assert len(own_a) == len(own_b) == 1
    assert np.abs(a - b).max() <= 1e-4
    assert np.ptp(a) > 0.05  # a network that says the same everywhere would prove nothing
    for x, y in zip(own_a[0], own_b[0], strict=True):
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


def feed(images: np.ndarray, flows: np.ndarray, given: Memory, **more: object) -> dict[str, np.ndarray]:
    """What the graph is given, without a backend."""
    arrays = {"image": images, "flow": flows, "key": given.key[None], "value": given.value[None]}
    return arrays | {name: np.array(value) for name, value in more.items()}


def session(graph: Path) -> Any:
    return onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])


def test_a_batch_shares_its_references(exported: Exported) -> None:
    images, flows = pictures(64, 64, frames=3)
    given = memory(exported.model, 2)
    together, keys, values = session(exported.graph).run(None, feed(images, flows, given, remember=True))
    assert keys.shape == values.shape == (3, 2, 16, 16)
    apart, own = OnnxBackend(exported.graph)(images, flows, given, remember=True)
    np.testing.assert_allclose(together, apart, atol=1e-5)
    np.testing.assert_allclose(keys, np.stack([memory.key for memory in own]), atol=1e-3, rtol=1e-3)


def test_own_prototypes_are_computed_where_they_are_asked_for(exported: Exported) -> None:
    run, given = session(exported.graph), memory(exported.model, 2)
    assert {i.name: i.type for i in run.get_inputs()}["remember"] == "tensor(bool)"
    frame = pictures(64, 96)
    with_them, *own = run.run(None, feed(*frame, given, remember=True))
    without, *none = run.run(None, feed(*frame, given, remember=False))
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


def sums(**names: list[str]) -> onnx.ModelProto:
    """A graph by hand: each tensor is the sum of two others, or of one with itself; x is given."""
    nodes = [helper.make_node("Add", (ins * 2)[:2], [out]) for out, ins in names.items()]
    x, *ends = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 1, "n"])
        for name in ("x", "main", "own")
    )
    graph = helper.make_graph(nodes, "g", [x], ends, value_info=[])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made)
    return made


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ({"a": ["x"], "main": ["a"], "b": ["a"], "own": ["b"]}, ["a", "main", "own"]),
        ({"main": ["x"], "own": ["main"]}, ["main", "own"]),
        ({"b": ["x"], "own": ["b", "x"], "main": ["x"]}, ["main", "own"]),
        ({"b": ["x"], "own": ["b"], "main": ["b"]}, ["b", "main", "own"]),
    ],
)
def test_optional(names: dict[str, list[str]], kept: list[str]) -> None:
    plain = sums(**names)
    changed = onnx.ModelProto.FromString(plain.SerializeToString())
    exporting.optional(changed, ("own",))
    onnx.checker.check_model(changed)
    assert [name for node in changed.graph.node for name in node.output] == kept
    x = np.arange(3, dtype=np.float32).reshape(1, 1, 1, 3)
    before, after = (
        onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        for made in (plain, changed)
    )
    wanted = before.run(["main", "own"], {"x": x})
    found = after.run(["main", "own"], {"x": x, "remember": np.array(True)})
    assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True))
    main, own = after.run(["main", "own"], {"x": x, "remember": np.array(False)})
    assert np.array_equal(main, wanted[0])
    assert own.size == 0


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


def test_no_trace_of_the_machine(exported: Exported) -> None:
    assert b"stack_trace" not in exported.graph.read_bytes()


def test_attention_makes_no_denormal_numbers() -> None:
    """exp(-90) is one; what is above exp(-60) stays as it is."""
    scores = np.array([[0, -1, -59, -61, -90, -95, -200]], np.float32) + np.array([[3], [-7]], np.float32)
    main = helper.make_graph(
        [helper.make_node("Softmax", ["scores"], ["weights"], axis=-1)],
        "attention",
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [2, 7])],
        [helper.make_tensor_value_info("weights", TensorProto.FLOAT, [2, 7])],
    )
    graph = helper.make_model(main, opset_imports=[helper.make_opsetid("", exporting.OPSET)], ir_version=9)
    found = []
    for _ in range(2):
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        found.append(session.run(None, {"scores": scores})[0])
        exporting._keep_normal(graph)
    before, after = found
    tiny = np.finfo(np.float32).tiny
    assert ((before > 0) & (before < tiny)).any()
    assert (after >= tiny).all()
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=1e-6)
    np.testing.assert_allclose(after, before, atol=1e-25)


@pytest.mark.parametrize("shared", [True, False])
def test_widened_weights_are_read_in_one_place_alone(shared: bool) -> None:
    """A branch that reads 8-bit weights widens them itself."""
    weights = [
        helper.make_tensor("w", TensorProto.INT8, [2], [3, 4]),
        helper.make_tensor("scale", TensorProto.FLOAT, [], [0.5]),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale"], ["wide"]),
        helper.make_node("Add", ["x", "wide" if shared else "x"], ["probability"]),
        helper.make_node("Mul", ["x", "wide"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "axes"], ["own"]),
    ]
    weights.append(helper.make_tensor("axes", TensorProto.INT64, [3], [0, 1, 2]))
    main = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, [2]),
            helper.make_tensor_value_info("own", TensorProto.FLOAT, [1, 1, 1, 2]),
        ],
        weights,
    )
    graph = helper.make_model(main, opset_imports=[helper.make_opsetid("", exporting.OPSET)], ir_version=9)
    exporting.optional(graph, ("own",))
    onnx.checker.check_model(graph)
    outside = {name for node in graph.graph.node for name in node.output}
    (choice,) = (node for node in graph.graph.node if node.op_type == "If")
    branch = next(a.g for a in choice.attribute if a.name == "then_branch")
    assert "DequantizeLinear" in [node.op_type for node in branch.node]
    assert not outside.intersection(name for node in branch.node for name in node.input)
    assert ("wide" in outside) == shared
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.array([1, 2], np.float32)
    own = session.run(["own"], {"x": x, "remember": np.array(True)})[0]
    np.testing.assert_array_equal(own.ravel(), x * [1.5, 2])
