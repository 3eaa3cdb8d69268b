"""One small network with its weights and its graph: tracing takes half a minute, so it is done once."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx_ir
import pytest
import torch
from model_samples import build

from dpa.backends.protocol import Memory
from dpa.export.onnx import export_onnx, graph_of, traced
from dpa.model.dpa import DPA
from dpa.model.pretrained import in_half
from small_encoder import SMALL_ENCODER


class Exported(NamedTuple):
    """`model` holds what is in `folder`: model.safetensors, in half precision, and model.onnx made of it."""

    model: DPA
    folder: Path
    difference: float

    @property
    def graph(self) -> Path:
        return self.folder / "model.onnx"


def small(**changes: Any) -> DPA:
    return build(**{"encoder": SMALL_ENCODER} | changes)


def once(make: Callable[..., onnx.ModelProto]) -> Callable[..., onnx.ModelProto]:
    """The same function of a network, which does networks of the same weights once."""
    found: dict[str, bytes] = {}

    def kept(model: DPA, **options: Any) -> onnx.ModelProto:
        key = hashlib.sha256(repr(options).encode())
        for name, tensor in model.state_dict().items():
            key.update(name.encode() + tensor.numpy().tobytes())
        if key.hexdigest() not in found:
            found[key.hexdigest()] = make(model, **options).SerializeToString()
        return onnx.load_model_from_string(found[key.hexdigest()])

    return kept


@contextmanager
def unmeasured() -> Iterator[None]:
    """Without coverage: it looks at each of the hundred million calls of torch's exporter, which takes twice
    as long for it, and little in there is ours."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@contextmanager
def graphs_once() -> Iterator[None]:
    """Graphs of the same network are traced, and finished with the same options, once."""
    trace = once(lambda model: traced(model).model_proto)
    finish = once(graph_of)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "dpa.export.onnx.traced",
            lambda model: torch.onnx.ONNXProgram(onnx_ir.from_proto(trace(model)), None),
        )
        for place, name in ((torch.onnx, "export"), (torch.onnx.ONNXProgram, "optimize")):
            patch.setattr(place, name, unmeasured()(getattr(place, name)))
        patch.setattr("dpa.export.onnx.graph_of", finish)
        patch.setattr("dpa.export.int8.graph_of", finish)
        yield


def rounded(**changes: Any) -> DPA:
    """`small` as it is after its weights were stored in half precision: of what `exported` has."""
    model = small(**changes)
    model.load_state_dict({k: in_half(v, k) for k, v in model.state_dict().items()})
    return model


def export_small(folder: Path) -> Exported:
    """Exports into a folder."""
    small().save_pretrained(folder, half=True)
    difference = export_onnx(DPA.from_pretrained(folder), folder / "model.onnx")
    return Exported(DPA.from_pretrained(folder), folder, difference)


def pictures(height: int, width: int, seed: int = 0, frames: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Images and flow pictures, (frames, height, width, 3) uint8, in blocks of 16."""
    size = (2, frames, height // 16, width // 16, 3)
    blocks = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    images, flows = blocks.repeat(16, 2).repeat(16, 3)
    return images, flows


def memory(model: DPA, frames: int, seed: int = 0) -> Memory:
    """References of so many frames, made up: unit-sized K and V."""
    c = model.config
    shape = (len(model.encoders), frames * c.dim, c.dim)
    key, value = np.random.default_rng(seed).standard_normal((2, *shape), dtype=np.float32)
    return Memory(key, value)
