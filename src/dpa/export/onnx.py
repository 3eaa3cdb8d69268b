"""A network as one ONNX graph, for `dpa.backends.onnx` and for other programs.

One graph serves query and reference frames: where it is asked to, it gives a frame's own prototypes with its
mask.
"""

import copy
import json
import os
import warnings
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from dpa.backends.onnx import DINOV2, FEATURES, METADATA, OWN, PRECISION, PROBABILITY, OnnxBackend
from dpa.backends.protocol import Memory
from dpa.backends.torch import TorchBackend
from dpa.errors import DPAError
from dpa.export.rewrite import keep_normal, optional
from dpa.files import aside, make_folder, output_errors
from dpa.model.appearance import WIDTH
from dpa.model.dpa import DPA, References
from dpa.model.encoder import Encoder
from dpa.model.pretrained import in_half

TOLERANCE = 1e-4
OPSET = 18


class FrameGraph(nn.Module):
    """What the graph computes, from pictures as they lie in memory to probabilities.

    Inputs, as far as the network wants them: `image` and `flow` (B, h, w, 3) uint8, `key` and `value`
    (1, streams, N * D, D) float32, `dinov2` (B, 384, y, x) float32 of any y and x. Outputs: `probability`
    (B, h, w) float32, `features2` to `features4` of the appearance encoder, (B, C, h / s, w / s) float32,
    and with IFA the frames' own prototypes `own_key`, `own_value` (B, streams, D, D). The file's graph has
    one input more, see `optional`.
    """

    def __init__(self, model: DPA) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        image: Tensor,
        flow: Tensor | None = None,
        key: Tensor | None = None,
        value: Tensor | None = None,
        dinov2: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        features = self.model.encode(_picture(image), None if flow is None else _picture(flow), dinov2)
        references = None if key is None or value is None else References(key, value)
        probability = self.model.segment(features, references)[-1][:, 0]
        own = self.model.reference(features) if self.model.config.ifa else ()
        return (probability, *features.appearance[1:], *own)


def export_onnx(model: DPA, path: Path, *, half: bool = True) -> float:
    """Write the graph, with height, width, batch and number of references left open.

    Args:
        model: the network, on the CPU.
        path: of the `.onnx` file; written aside and renamed once it passed the check.
        half: store weights in half precision (they are widened when the graph is loaded).

    Returns:
        The difference of probabilities between the graph and torch, see `parity`.

    Raises:
        DPAError: that difference is above 1e-4.
        WeightsError: `half`, and a weight is too large for it.
        OutputError: the file cannot be written.

    Example:
        >>> model = DPA.from_pretrained("runs/mobile")
        >>> export_onnx(model, Path("model.onnx")) < TOLERANCE
        True
    """
    model = copy.deepcopy(model).eval()  # the caller's keeps its weights and its mode
    if half:  # what is compared is what is stored
        model.load_state_dict({k: in_half(v, k) for k, v in model.state_dict().items()})
    make_folder(path.parent)
    with output_errors(path), aside(path) as part:
        _write(model, part, half)
        difference = parity(model, part)
        if not difference <= TOLERANCE:
            raise DPAError(
                f"{path}: not written: the graph's probabilities differ from torch's by {difference:.2g}"
            )
    return difference


def parity(
    model: DPA, graph: Path, sizes: tuple[tuple[int, int], ...] = ((128, 192), (96, 64), (64, 128))
) -> float:
    """Difference of probabilities between a graph and torch, on random pictures of several sizes.

    Args:
        model: the network.
        graph: the file.
        sizes: of the pictures, (h, w), multiples of 32.

    Returns:
        The largest difference on the middle one of the pictures: where two of EdgeConv's neighbours are about
        equally near rounding decides, so that one picture in ten differs more, for no fault of the graph's.
        Infinite where prototypes or features differ.
    """
    rng = np.random.default_rng(0)
    # As many threads for both: DINOv2's features are rounded otherwise by other numbers of them.
    ours, theirs = TorchBackend(model), OnnxBackend(graph, torch.get_num_threads())
    worst = []
    for n, (h, w) in enumerate(sizes, start=1):
        # Smooth and never flat: equal positions are equally near.
        coarse = rng.integers(0, 256, (2, h // 16, w // 16, 3), dtype=np.uint8)
        image, flow = (cv2.resize(c, (w, h), interpolation=cv2.INTER_LINEAR)[None] for c in coarse)
        first = ours(image, flow, Memory.blank(model.config), remember=True).own
        references = Memory.join(first * n) if first else Memory.blank(model.config)
        a, b = (backend(image, flow, references, remember=True, features=True) for backend in (ours, theirs))
        worst.append(float(np.abs(a.probability - b.probability).max()))
        pairs = zip([*a.own, *a.features], [*b.own, *b.features], strict=True)
        if not all(
            np.allclose(x, y, atol=1e-2) for mine, other in pairs for x, y in zip(mine, other, strict=True)
        ):
            return float("inf")
    return float(np.median(worst))


def _write(model: DPA, path: Path, half: bool) -> None:
    graph = graph_of(model)
    if half:
        _halve(graph)
    write_graph(graph, path, model, "fp32")


def _forget_source(graph: "onnx.GraphProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Remove where in the source each node came from: a fifth of the file, and paths of the machine."""
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _forget_source(attribute.g)


def write_graph(graph: "onnx.ModelProto", path: Path, model: DPA, precision: str) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Finish a graph of `graph_of` and write it: own prototypes on request, the network's settings in it."""
    import onnx

    if model.config.ifa:
        optional(graph, OWN)
    _forget_source(graph.graph)
    facts = {METADATA: json.dumps(model.config.to_dict()), PRECISION: precision}
    onnx.helper.set_model_props(graph, facts)
    with path.open("wb") as f:
        f.write(graph.SerializeToString())
        f.flush()
        os.fsync(f.fileno())
    onnx.checker.check_model(str(path))


def graph_of(model: DPA, *, fold: bool = False) -> "onnx.ModelProto":  # type: ignore[name-defined]  # noqa: F821
    """The network's graph as the exporter gives it.

    Args:
        model: in evaluation mode.
        fold: merge batch norms into convolutions; half precision would round those anew.
    """
    from onnxscript.optimizer import fold_constants, remove_unused_nodes

    program = traced(model)
    if fold:
        program.optimize()
    fold_constants(program.model)
    remove_unused_nodes(program.model)
    graph = program.model_proto
    keep_normal(graph)
    return graph


def traced(model: DPA) -> torch.onnx.ONNXProgram:
    """The network, in evaluation mode, as a graph for any number and size of frames; takes half a minute."""
    c, streams = model.config, len(model.encoders)
    # A tensor of its own for every input: the exporter takes one tensor given twice for one input.
    image, flow = (torch.zeros(2, 128, 192, 3, dtype=torch.uint8) for _ in range(2))
    key, value = (torch.zeros(1, streams, 3 * c.dim, c.dim) for _ in range(2))
    batch, tall, wide, rows = (torch.export.Dim(n) for n in ("batch", "tall", "wide", "rows"))
    side = {0: batch, 1: 32 * tall, 2: 32 * wide}
    kept = {2: c.dim * rows}
    inputs = {"image": (image, side)}
    if c.motion:
        inputs["flow"] = (flow, side)
    if c.ifa:
        inputs |= {"key": (key, kept), "value": (value, kept)}
    if c.dinov2:
        rows, columns = (torch.export.Dim(n) for n in ("high", "across"))
        inputs[DINOV2] = (torch.zeros(2, WIDTH, 8, 12), {0: batch, 2: rows, 3: columns})
    features = [f"{FEATURES}{stage}" for stage in range(2, len(cast(Encoder, model.encoders[0]).channels))]
    names = [PROBABILITY, *features, *(OWN if c.ifa else ())]
    with warnings.catch_warnings():
        # Image and flow share their sizes, so the exporter keeps one name of each two.
        warnings.filterwarnings("ignore", message="# The axis name")
        program = torch.onnx.export(
            FrameGraph(model).eval(),
            (),
            kwargs={name: example for name, (example, _) in inputs.items()},
            dynamic_shapes={name: dynamic for name, (_, dynamic) in inputs.items()},
            input_names=list(inputs),
            output_names=names,
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    assert program is not None  # only without dynamo
    return program


def _halve(graph: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Store float32 weights as float16 behind a cast, which ONNX Runtime folds when it loads the graph.

    What was computed from weights while exporting does not fit into half precision and stays as it is.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in graph.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 256:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        narrow = values.astype(np.float16)
        if not np.array_equal(narrow, values):
            continue
        stored = numpy_helper.from_array(narrow, f"{name}_half")
        casts.append(helper.make_node("Cast", [stored.name], [name], to=onnx.TensorProto.FLOAT))
        tensor.CopyFrom(stored)
    for node in reversed(casts):
        graph.graph.node.insert(0, node)


def _picture(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2).float() / 255
