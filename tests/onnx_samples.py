"""A graph made by hand: what runs a network can be tested with it at no cost, in other processes too."""

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from dpa.backends.onnx import METADATA
from dpa.model.config import DPAConfig


def red_graph(path: Path, config: DPAConfig) -> Path:
    """The probability is the red of the picture, and the prototypes are those of the first reference.

    It is as graphs were before `remember`: it always gives prototypes.
    """
    one, d, streams = TensorProto.FLOAT, config.dim, 2
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, ["b", "h", "w", 3]),
        helper.make_tensor_value_info("key", one, [1, streams, "n", d]),
        helper.make_tensor_value_info("value", one, [1, streams, "n", d]),
    ]
    outputs = [helper.make_tensor_value_info("probability", one, ["b", "h", "w"])]
    outputs += [helper.make_tensor_value_info(f"own_{n}", one, [1, streams, d, d]) for n in ("key", "value")]
    constants = {"red": [0], "last": [3], "full": [255.0], "zero": [0], "d": [d], "rows": [2]}
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=one),
        helper.make_node("Slice", ["float", "red", "rest", "last"], ["plane"]),
        helper.make_node("Squeeze", ["plane", "last"], ["flat"]),
        helper.make_node("Div", ["flat", "full"], ["probability"]),
        helper.make_node("Slice", ["key", "zero", "d", "rows"], ["own_key"]),
        helper.make_node("Slice", ["value", "zero", "d", "rows"], ["own_value"]),
    ]
    tensors = [
        helper.make_tensor(name, one if name == "full" else TensorProto.INT64, [1], values)
        for name, values in (constants | {"rest": [1]}).items()
    ]
    graph = helper.make_graph(nodes, "red", inputs, outputs, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(made, {METADATA: json.dumps(config.to_dict())})
    onnx.checker.check_model(made)
    onnx.save(made, str(path))
    return path
