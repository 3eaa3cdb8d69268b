"""The first convolution of a graph, made to read bytes as they lie in memory."""

from typing import Any

import numpy as np

PIXELS = 4  # of a row, that are read as one


def read_bytes(graph: "onnx.ModelProto", picture: str, mean: float, std: float) -> bool:  # type: ignore[name-defined]  # noqa: F821
    """Let the convolution at an input read bytes, four pixels of a row as one of twelve channels.

    Kernels for 8-bit integers are slow where there are 3 channels, and normalising the picture in float32
    takes as long again. The weights are laid out anew so that one place gives the convolution's two of its
    four pixels; the mean goes into the bias. What is computed is the same, but for the half level by which
    the mean is rounded around the picture.

    Args:
        graph: changed in place; batch norm is folded.
        picture: name of the input, (B, h, w, 3) uint8, w a multiple of 4.
        mean, std: by which the graph normalises a picture in [0, 1], one number for all channels.

    Returns:
        Whether it could be done: to a convolution of 3 x 3 with stride 2.
    """
    from onnx import helper, numpy_helper
    from onnxscript.optimizer import remove_unused_nodes

    main = graph.graph
    conv = _reader(main, picture)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in main.initializer}
    w, facts = weights[conv.input[1]], {a.name: helper.get_attribute_value(a) for a in conv.attribute}
    if w.shape[1:] != (3, 3, 3) or facts.get("strides") != [2, 2] or facts.get("pads") != [1, 1, 1, 1]:
        return False
    bias = weights[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(w), np.float32)
    scale, zero = 1 / (255 * std), round(255 * mean)
    constants = {
        "four": np.array([0, 0, -1, 3 * PIXELS]),
        "scale": np.float32(scale),
        "zero": np.uint8(zero),
        "weight": _laid_out(w),
        "bias": np.tile(bias + scale * (zero - 255 * mean) * w.sum((1, 2, 3)), 2).astype(np.float32),
        "two": np.array([0, 0, -1, len(w)]),
    }
    own = {key: f"{conv.input[1]}.{key}" for key in constants}
    main.initializer.extend(numpy_helper.from_array(np.asarray(v), own[k]) for k, v in constants.items())

    _replace(main, conv, picture, own)
    remove_unused_nodes(graph)
    return True


def _replace(main: "onnx.GraphProto", conv: "onnx.NodeProto", picture: str, own: dict[str, str]) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Put the way over bytes in the place of a convolution and its activation.

    Args:
        main: changed in place.
        conv: one of its nodes.
        picture: name of the input.
        own: names of the constants of `read_bytes`.
    """
    from onnx import helper

    # The activation comes before the two pixels are parted: the quantiser merges it with the convolution.
    after = [n for n in main.node if conv.output[0] in n.input]
    activation = after if len(after) == 1 and after[0].op_type in ("Clip", "Relu") else []
    window = {"kernel_shape": (3, 2), "strides": (2, 1), "pads": (1, 1, 1, 0)}
    steps: list[tuple[str, list[str], dict[str, Any]]] = [
        ("Reshape", [own["four"]], {}),
        ("Transpose", [], {"perm": (0, 3, 1, 2)}),
        ("DequantizeLinear", [own["scale"], own["zero"]], {}),
        ("Conv", [own["weight"], own["bias"]], window),
        *((n.op_type, list(n.input[1:]), {}) for n in activation),
        ("Transpose", [], {"perm": (0, 2, 3, 1)}),
        ("Reshape", [own["two"]], {}),
        ("Transpose", [], {"perm": (0, 3, 1, 2)}),
    ]
    end = (activation or [conv])[0].output[0]
    names = [picture, *(f"{picture}_{k}" for k in range(1, len(steps))), end]
    made = [
        helper.make_node(kind, [given, *more], [result], f"{picture}_{kind}_{result}", **settings)
        for (kind, more, settings), given, result in zip(steps, names[:-1], names[1:], strict=True)
    ]
    place = list(main.node).index(conv)
    for node in (conv, *activation):
        main.node.remove(node)
    for node in reversed(made):
        main.node.insert(place, node)


def _laid_out(w: np.ndarray) -> np.ndarray:
    """(C, 3, 3, 3), stride (2, 2) -> (2 C, 12, 3, 2), stride (2, 1), over places k - 1 and k."""
    c = len(w)
    made = np.zeros((2 * c, 3 * PIXELS, 3, 2), np.float32)
    for result in range(2):
        for tap in range(3):
            place, pixel = divmod(2 * result + tap - 1, PIXELS)
            made[result * c : (result + 1) * c, 3 * pixel : 3 * pixel + 3, :, place + 1] = w[..., tap]
    return made


def _reader(main: "onnx.GraphProto", name: str) -> "onnx.NodeProto":  # type: ignore[name-defined]  # noqa: F821
    """The convolution at the end of the chain that begins with an input."""
    while True:
        (node,) = (n for n in main.node if name in n.input and n.op_type != "Shape")
        if node.op_type == "Conv":
            return node
        (name,) = node.output
