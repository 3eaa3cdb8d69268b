"""The ONNX graph in 8-bit integers: half the time of float32 on CPUs that multiply bytes (VNNI, dot product).

Encoders and decoder are quantised, weights by channel, activations by the range that they have on calibration
frames; biases take up what rounding weights adds on average. Prototypes, all attention and what DINOv2
gives stay in float32.
Weights have 7 bits: an x86 without VNNI adds two products in 16 bits, which hold 2 * 255 * 64, so that sums
are exact on every CPU. Those of depthwise convolutions have 8: they are summed one by one, in 32 bits.
"""

import ast
import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dpa.arrays import Features
from dpa.backends.onnx import DINOV2, OnnxBackend
from dpa.backends.protocol import Backend, Memory, Seen
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from dpa.export.bias import correct_biases
from dpa.export.onnx import graph_of, write_graph
from dpa.export.stem import read_bytes
from dpa.files import aside, make_folder, output_errors
from dpa.model.appearance import appearance
from dpa.model.dpa import DPA

# Without this mark ONNX Runtime advises, on standard error, to do what `graph_of` has done.
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
_COMPARED = 8  # frames, about
QUANTISED = ("Conv", "Add", "Mul", "Concat", "Resize", "MaxPool", "Clip", "Relu")
_SCOPES = "pkg.torch.onnx.name_scopes"  # of a node: Python's list of the modules around it and its own name
_IN_FLOAT32 = re.compile(r"model\.(ima|ifa|join|adapter)\d?\b")


def export_int8(
    model: DPA, path: Path, videos: Sequence[str | Path | Sequence[Path]], *, frames: int = 3
) -> tuple[int, float]:
    """Write the graph in 8-bit integers.

    Args:
        model: the network, on the CPU.
        path: of the `.onnx` file; written aside and renamed when it is whole.
        videos: anything that can be segmented; what the network is to be used on, or alike.
        frames: that are taken of each video, spread evenly.

    Returns:
        How many frames it was calibrated on, and the mean difference of probabilities between the graph and
        torch on some of them.

    Raises:
        InputError: there are no videos, or one cannot be read.
        OutputError: the file cannot be written.

    Example:
        >>> model = DPA.from_pretrained("runs/mobile")
        >>> frames, difference = export_int8(model, Path("model.int8.onnx"), ["in.mp4"])
        >>> frames
        3
    """
    model = deepcopy(model).eval()
    inputs = [given for video in videos for given in _seen(model, video, frames)]
    if not inputs:
        raise InputError("an 8-bit graph is calibrated on videos: give at least one")
    make_folder(path.parent)
    with output_errors(path), aside(path) as part, TemporaryDirectory() as folder:
        _finish(_quantised(model, inputs, Path(folder)), part, model)
    return len(inputs), _difference(model, path, inputs[:: max(1, len(inputs) // _COMPARED)])


def _quantised(model: DPA, inputs: list[dict[str, np.ndarray]], folder: Path) -> Path:
    """The file, in the folder, of the graph with integers as ONNX Runtime's quantisation leaves it."""
    import onnx
    from onnx.helper import set_model_props
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    plain, quantised = folder / "plain.onnx", folder / "int8.onnx"
    graph = graph_of(model, fold=True)
    _read_bytes(graph, model)
    set_model_props(graph, _PREPARED)
    plain.write_bytes(graph.SerializeToString())
    names = [value.name for value in graph.graph.input]
    calibrated = [{name: given[name] for name in names} for given in inputs]
    quantize_static(
        plain,
        quantised,
        _Reader(calibrated),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(QUANTISED),
        nodes_to_exclude=_in_float32(graph),
        per_channel=True,
        # The mean over frames of each range: one frame's outliers would coarsen all steps.
        extra_options={"CalibMovingAverage": True, "TensorQuantOverrides": _of_8_bits(graph)},
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        reduce_range=True,  # weights of 7 bits
    )
    rounded = onnx.load(quantised)
    correct_biases(graph, rounded, calibrated)
    onnx.save(rounded, quantised)
    return quantised


def _read_bytes(graph: "onnx.ModelProto", model: DPA) -> None:  # type: ignore[name-defined]  # noqa: F821
    c = model.config
    if len({*c.mean}) == len({*c.std}) == 1:
        read_bytes(graph, "image", c.mean[0], c.std[0])
        if c.motion:
            of_flow = (c.mean[0], c.std[0]) if c.normalise_flow else (0.0, 1.0)
            read_bytes(graph, "flow", *of_flow)


def _in_float32(graph: "onnx.ModelProto") -> list[str]:  # type: ignore[name-defined]  # noqa: F821
    """Names of IMA's and IFA's nodes, and of those that DINOv2's features go through.

    Their convolutions too: they read features beside correlations in [-1, 1], of which one range of 8 bits
    for both would leave little.
    """
    found = []
    for node in graph.graph.node:
        scopes = next((p.value for p in node.metadata_props if p.key == _SCOPES), "[]")
        if any(_IN_FLOAT32.match(scope) for scope in ast.literal_eval(scopes)):
            found.append(node.name)
    return found


def _of_8_bits(graph: "onnx.ModelProto") -> dict[str, list[dict[str, object]]]:  # type: ignore[name-defined]  # noqa: F821
    """ONNX Runtime's overrides for depthwise convolutions' weights: 7 bits of these cost most of all."""
    from onnxruntime.quantization import QuantType

    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.graph.initializer}
    overrides: dict[str, list[dict[str, object]]] = {}
    for node in graph.graph.node:
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        if node.op_type == "Conv" and shapes.get(node.input[1], ())[:2] == (groups, 1) and groups > 1:
            overrides[node.input[1]] = [{"quant_type": QuantType.QInt8, "axis": 0, "reduce_range": False}]
    return overrides


def _difference(model: DPA, path: Path, inputs: list[dict[str, np.ndarray]]) -> float:
    from dpa.backends.torch import TorchBackend

    plain, quantised = TorchBackend(model), OnnxBackend(path)
    found = []
    for given in inputs:
        memory = Memory(given["key"][0], given["value"][0])
        a, b = (backend(given["image"], given["flow"], memory).probability for backend in (plain, quantised))
        found.append(float(np.abs(a - b).mean()))
    return float(np.mean(found))


def _finish(quantised: Path, part: Path, model: DPA) -> None:
    """Writes the graph as ONNX Runtime's optimiser leaves it: it loads in a third of the time."""
    import onnx
    from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3
    # Not all: the last level is that of layouts, for the CPU at hand.
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(quantised.with_name("optimised.onnx"))
    InferenceSession(str(quantised), options, providers=["CPUExecutionProvider"])
    write_graph(onnx.load(options.optimized_model_filepath), part, model, "int8")


def _seen(model: DPA, video: str | Path | Sequence[Path], frames: int) -> list[dict[str, np.ndarray]]:
    """Inputs of the graph for frames of a video, as the engine gives them."""
    from dpa.backends.torch import TorchBackend

    spy = _Spy(TorchBackend(model), frames)
    for _ in Segmenter(backend=spy, flow="dis").masks(video):
        pass
    n = min(frames, len(spy.seen))
    return [spy.seen[i * len(spy.seen) // n] for i in range(n)]


class _Spy:
    """A backend that keeps what it is given with references; it computes only what is to be remembered.

    Of a long video it keeps every second, fourth, ... frame: at least `frames`, less than twice as many.
    """

    has_features = False  # what it answers is not looked at

    def __init__(self, backend: Backend, frames: int) -> None:
        self._backend = backend
        self.name, self.device, self.precision = backend.name, backend.device, backend.precision
        self.config, self.weights, self.batch = backend.config, backend.weights, 1
        self.seen: list[dict[str, np.ndarray]] = []
        self._frames, self._count, self._step = frames, 0, 1

    def __call__(
        self,
        images: np.ndarray,
        flows: np.ndarray,
        references: Memory,
        *,
        remember: bool = False,
        features: bool = False,
        dinov2: Features | None = None,
    ) -> Seen:
        if remember:
            return self._backend(images, flows, references, remember=True)
        if self._count % self._step == 0:
            key, value = references.key[None], references.value[None]
            self.seen.append({"image": images, "flow": flows, "key": key, "value": value})
            if self.config.dinov2:
                self.seen[-1][DINOV2] = np.stack(dinov2 or [appearance(0)(image) for image in images])
        self._count += 1
        if len(self.seen) == 2 * self._frames:
            self.seen, self._step = self.seen[::2], 2 * self._step
        return Seen(np.zeros(images.shape[:3], np.float32), [], [])


class _Reader:
    """Calibration frames, one after the other, as ONNX Runtime asks for them."""

    def __init__(self, inputs: list[dict[str, np.ndarray]]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._inputs, None)
