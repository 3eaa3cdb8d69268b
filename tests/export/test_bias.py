"""Biases take up what rounding weights adds on average, and sums of bytes are exact on the CPU at hand."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from dpa.export.bias import correct_biases
from dpa.export.int8 import _of_8_bits, _Reader

CHANNELS = 12


def graph(groups: int = 1) -> onnx.ModelProto:
    """Two convolutions with an activation between them, the first one in groups."""
    rng = np.random.default_rng(groups)
    constants = {
        "one.weight": rng.standard_normal((CHANNELS, CHANNELS // groups, 3, 3)),
        "one.bias": rng.standard_normal(CHANNELS),
        "two.weight": rng.standard_normal((8, CHANNELS, 1, 1)),
        "two.bias": rng.standard_normal(8),
    }
    nodes = [
        helper.make_node("Conv", ["in", "one.weight", "one.bias"], ["a"], name="one", group=groups),
        helper.make_node("Relu", ["a"], ["b"], name="between"),
        helper.make_node("Conv", ["b", "two.weight", "two.bias"], ["out"], name="two"),
    ]
    main = helper.make_graph(
        nodes,
        "two",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, ["n", CHANNELS, "h", "w"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 8, "y", "x"])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    return helper.make_model(main, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def frames(count: int, seed: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    levels = np.linspace(0.2, 2, CHANNELS, dtype=np.float32)[:, None, None]
    return [{"in": rng.random((1, CHANNELS, 24, 24), np.float32) * levels} for _ in range(count)]


def run(model: onnx.ModelProto, given: list[dict[str, np.ndarray]]) -> np.ndarray:
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, one)[0] for one in given])


def rounded(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """In 8 bits, weights coarser than they need be."""
    onnx.save(model, folder / "plain.onnx")
    quantize_static(
        folder / "plain.onnx",
        folder / "int8.onnx",
        _Reader(frames(4, 0)),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        reduce_range=True,
        extra_options={"TensorQuantOverrides": _of_8_bits(model)},
    )
    return onnx.load(folder / "int8.onnx")


@pytest.mark.parametrize("groups", [1, 3, CHANNELS])
def test_the_mean_error_goes(tmp_path: Path, groups: int) -> None:
    plain = graph(groups)
    quantised, corrected = rounded(plain, tmp_path), onnx.load(tmp_path / "int8.onnx")
    assert correct_biases(plain, corrected, frames(4, 0)) == 2
    others = frames(8, 1)  # not those of which the means were taken
    wanted = run(plain, others)
    before, after = (
        np.abs((run(model, others) - wanted).mean((0, 2, 3))).mean() for model in (quantised, corrected)
    )
    assert after < 0.25 * before
    assert np.abs(run(corrected, others) - wanted).max() < 0.1 * np.ptp(wanted)


def test_weights_and_steps_stay_and_so_do_convolutions_without_a_bias(tmp_path: Path) -> None:
    plain = graph()
    del plain.graph.node[0].input[2]
    before = rounded(plain, tmp_path)
    after = onnx.load(tmp_path / "int8.onnx")
    assert correct_biases(plain, after, frames(1, 0)) == 1
    changed = [
        a.name for a, b in zip(before.graph.initializer, after.graph.initializer, strict=True) if a != b
    ]
    assert [name.partition("_")[0] for name in changed] == ["two.bias"]


def test_depthwise_weights_have_8_bits_and_others_7(tmp_path: Path) -> None:
    for groups, first in ((CHANNELS, 127), (3, 64), (1, 64)):
        stored = rounded(graph(groups), tmp_path).graph.initializer
        most = {
            tensor.name.partition("_")[0]: np.abs(numpy_helper.to_array(tensor).astype(int)).max()
            for tensor in stored
            if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 4
        }
        assert most == {"one.weight": first, "two.weight": 64}


@pytest.mark.parametrize(("groups", "bits"), [(CHANNELS, 8), (1, 7)])
def test_sums_of_the_largest_bytes_are_exact(groups: int, bits: int) -> None:
    """Where a CPU adds two products in 16 bits, weights of 8 bits would end at 32,767."""
    most = 2 ** (bits - 1) - 1
    rng = np.random.default_rng(0)
    shape = (CHANNELS, CHANNELS // groups, 3, 3)
    weight = rng.choice(np.array([-most, most, most], np.int8), shape)
    values = rng.integers(200, 256, (1, CHANNELS, 20, 20), dtype=np.uint8)
    constants = {"weight": weight, "step": np.float32(1), "at": np.uint8(0), "middle": np.int8(0)}
    constants |= {"wide": np.float32(4096), "half": np.uint8(128)}
    given = ["in", "step", "at", "weight", "step", "middle", "wide", "half"]
    main = helper.make_graph(
        [helper.make_node("QLinearConv", given, ["out"], group=groups)],
        "sums",
        [helper.make_tensor_value_info("in", TensorProto.UINT8, [1, CHANNELS, 20, 20])],
        [helper.make_tensor_value_info("out", TensorProto.UINT8, [1, CHANNELS, 18, 18])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(main, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    windows = np.lib.stride_tricks.sliding_window_view(values[0].astype(np.int64), (3, 3), (1, 2))
    per = windows.reshape(groups, -1, *windows.shape[1:])
    kernels = weight.astype(np.int64).reshape(groups, -1, *shape[1:])
    sums = np.einsum("gcyxhw,gochw->goyx", per, kernels).reshape(1, CHANNELS, 18, 18)
    expected = np.clip(np.round(sums / 4096) + 128, 0, 255)
    assert np.abs(sums).max() > 32767
    assert np.array_equal(run(model, [{"in": values}]), expected)
