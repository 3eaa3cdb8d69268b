"""Graphs rewritten: the same numbers by other ways."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from dpa.export.onnx import OPSET
from dpa.export.rewrite import keep_normal, optional


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
    optional(changed, ("own",))
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


def test_attention_makes_no_denormal_numbers() -> None:
    """exp(-90) is one; what is above exp(-60) stays as it is."""
    scores = np.array([[0, -1, -59, -61, -90, -95, -200]], np.float32) + np.array([[3], [-7]], np.float32)
    main = helper.make_graph(
        [helper.make_node("Softmax", ["scores"], ["weights"], axis=-1)],
        "attention",
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [2, 7])],
        [helper.make_tensor_value_info("weights", TensorProto.FLOAT, [2, 7])],
    )
    graph = helper.make_model(main, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    found = []
    for _ in range(2):
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        found.append(session.run(None, {"scores": scores})[0])
        keep_normal(graph)
    before, after = found
    tiny = np.finfo(np.float32).tiny
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
    graph = helper.make_model(main, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    optional(graph, ("own",))
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
