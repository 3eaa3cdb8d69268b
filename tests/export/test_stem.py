"""The first convolution on bytes: the same numbers as on the normalised picture."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dpa.export.stem import read_bytes


def graph(channels: int = 5, stride: int = 2, activation: str | None = "Clip") -> onnx.ModelProto:
    """A picture, normalised by 0.5 and 0.5, to its first features, with random weights."""
    rng = np.random.default_rng(0)
    constants = {
        "most": np.float32(255),
        "half": np.float32(0.5),
        "low": np.float32(0),
        "high": np.float32(1),
        "conv.weight": rng.standard_normal((channels, 3, 3, 3)).astype(np.float32),
        "conv.bias": rng.standard_normal(channels).astype(np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["a"], ["b"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["b", "most"], ["c"]),
        helper.make_node("Sub", ["c", "half"], ["d"]),
        helper.make_node("Div", ["d", "half"], ["e"]),
        helper.make_node(
            "Conv", ["e", "conv.weight", "conv.bias"], ["f"], pads=[1, 1, 1, 1], strides=[stride, stride]
        ),
    ]
    if activation == "Clip":
        nodes.append(helper.make_node("Clip", ["f", "low", "high"], ["g"]))
    elif activation == "Relu":
        nodes.append(helper.make_node("Relu", ["f"], ["g"]))
    nodes.append(helper.make_node("Identity", ["g" if activation else "f"], ["features"]))
    main = helper.make_graph(
        nodes,
        "stem",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", "c", "y", "x"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(main, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


@pytest.mark.parametrize("activation", [None, "Clip", "Relu"])
@pytest.mark.parametrize("size", [(32, 64), (6, 4), (8, 20)])
def test_the_same_features(activation: str | None, size: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    model = graph(activation=activation)
    wanted = run(model, image)
    assert read_bytes(model, "image", 0.5, 0.5)
    onnx.checker.check_model(model)
    found = run(model, image)
    assert found.shape == wanted.shape == (2, 5, size[0] // 2, size[1] // 2)
    np.testing.assert_allclose(found[..., 1:, 1:], wanted[..., 1:, 1:], atol=2e-5)
    # Around the picture the mean, 127.5, is rounded to 128: half a level by five weights a channel.
    np.testing.assert_allclose(found, wanted, atol=0.5 / 127.5 * 5 * 3 * 3)
    assert not {"Cast", "Sub", "Div"} & {node.op_type for node in model.graph.node}


def test_what_it_cannot_do_it_leaves_alone() -> None:
    model = graph(stride=1)
    before = model.SerializeToString()
    assert not read_bytes(model, "image", 0.5, 0.5)
    assert model.SerializeToString() == before


def test_the_embedded_graph_reads_bytes() -> None:
    """No float32 picture is made in it."""
    path = Path(__file__).parents[2] / "src/dpa/weights/dpa-mobile/model.int8.onnx"
    nodes = onnx.load(str(path)).graph.node
    readers = {name: [n.op_type for n in nodes if name in n.input] for name in ("image", "flow")}
    assert all("Reshape" in kinds and "Cast" not in kinds for kinds in readers.values())
