"""Bias correction: rounding weights moves what a convolution gives by a little, always to the same side.

The mean of that over pictures can be computed, and taken off the bias (Nagel et al., "Data-Free Quantization
Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2; the means of inputs are measured).
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray


def correct_biases(
    plain: "onnx.ModelProto",  # type: ignore[name-defined]  # noqa: F821
    quantised: "onnx.ModelProto",  # type: ignore[name-defined]  # noqa: F821
    inputs: Iterable[Mapping[str, NDArray[np.generic]]],
) -> int:
    """Take the mean error that rounded weights make off the biases of convolutions.

    Args:
        plain: the graph in float32.
        quantised: the same after `quantize_static`, with nodes of the same names and weights and biases in
            integers (QDQ); its biases are changed in place.
        inputs: of the plain graph, for each of the frames over which the means are taken; at least one.

    Returns:
        The number of convolutions that were corrected: those of rounded weights and with a bias.
    """
    from onnx import numpy_helper

    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in plain.graph.initializer}
    before = {node.name: node for node in plain.graph.node if node.op_type == "Conv"}
    stored = {tensor.name: tensor for tensor in quantised.graph.initializer}
    widened = {
        node.output[0]: [stored[name] for name in node.input]
        for node in quantised.graph.node
        if node.op_type == "DequantizeLinear" and stored.keys() >= set(node.input)
    }
    rounded = [
        (before[node.name], *(widened[name] for name in node.input[1:]))
        for node in quantised.graph.node
        if node.op_type == "Conv" and len(node.input) == 3 and widened.keys() >= set(node.input[1:])
    ]
    means = _means(plain, sorted({conv.input[0] for conv, *_ in rounded}), inputs)
    for conv, weight, bias in rounded:
        error = weights[conv.input[1]] - _real(weight)
        values, step = (numpy_helper.to_array(tensor) for tensor in bias[:2])
        shift = _response(error, means[conv.input[0]]) / step
        limits = np.iinfo(np.int32)
        corrected = np.clip(np.round(values + shift), limits.min, limits.max).astype(np.int32)
        bias[0].CopyFrom(numpy_helper.from_array(corrected, bias[0].name))
    return len(rounded)


def _means(
    graph: "onnx.ModelProto",  # type: ignore[name-defined]  # noqa: F821
    names: list[str],
    inputs: Iterable[Mapping[str, NDArray[np.generic]]],
) -> dict[str, NDArray[np.float64]]:
    """The mean over frames and places of every channel of some values of a graph, (C,) each."""
    import onnx
    from onnxruntime import InferenceSession, SessionOptions

    shown = onnx.ModelProto()
    shown.CopyFrom(graph)
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = SessionOptions()
    options.log_severity_level = 3
    session = InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    of_frames = [
        [value.mean((0, 2, 3), dtype=np.float64) for value in session.run(names, dict(given))]
        for given in inputs
    ]
    return {name: np.mean(means, axis=0) for name, *means in zip(names, *of_frames, strict=True)}


def _real(stored: "list[onnx.TensorProto]") -> NDArray[np.float64]:  # type: ignore[name-defined]  # noqa: F821
    """Weights (C, ...) that are stored as integers, steps by channel or one for all, and zero points of 0."""
    from onnx import numpy_helper

    values, step = (numpy_helper.to_array(tensor).astype(np.float64) for tensor in stored[:2])
    return values * step.reshape(-1, *[1] * (values.ndim - 1))


def _response(weight: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a convolution of an even picture gives: (C, c, h, w) weights, (groups * c,) levels; gives (C,)."""
    total = weight.sum((2, 3))
    levels = mean.reshape(-1, total.shape[1])  # a row for every group of channels
    grouped = total.reshape(len(levels), -1, total.shape[1])
    return np.einsum("goc,gc->go", grouped, levels).ravel()
