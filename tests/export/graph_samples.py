"""One small network with its weights and its graph: tracing takes half a minute, so it is done once."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx_ir
import torch
from filelock import FileLock
from model_samples import build

from dpa.backends.protocol import Memory
from dpa.export.onnx import export_onnx, traced
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
    return build(encoder=SMALL_ENCODER, **changes)


def traced_once(root: Path) -> Callable[[DPA], torch.onnx.ONNXProgram]:
    """A `traced` that does a network of the same weights once for all processes, which share `root`."""

    def found(model: DPA) -> torch.onnx.ONNXProgram:
        key = hashlib.sha256()
        for name, tensor in model.state_dict().items():
            key.update(name.encode() + tensor.numpy().tobytes())
        file = root / f"{key.hexdigest()}.onnx"
        with FileLock(file.with_suffix(".lock")):
            if not file.exists():
                onnx.save(traced(model).model_proto, str(file))
        return torch.onnx.ONNXProgram(onnx_ir.load(file), None)

    return found


def rounded(**changes: Any) -> DPA:
    """`small` as it is after its weights were stored in half precision: of what `exported` has."""
    model = small(**changes)
    model.load_state_dict({k: in_half(v, k) for k, v in model.state_dict().items()})
    return model


def exported_once(root: Path) -> Exported:
    """Exports into a folder of `root`, or finds there what another process has exported."""
    folder, told = root / "exported", root / "exported.txt"
    with FileLock(root / "exported.lock"):
        if not told.exists():
            small().save_pretrained(folder, half=True)
            told.write_text(str(export_onnx(DPA.from_pretrained(folder), folder / "model.onnx")))
    return Exported(DPA.from_pretrained(folder), folder, float(told.read_text()))


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
