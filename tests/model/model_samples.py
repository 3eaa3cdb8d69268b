"""Small networks and inputs for tests."""

import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dpa.model.dpa import DPA, Features, References

TINY = {"dim": 16, "width": 16, "refine_squeeze": 8, "refine_width": 8}


def fill(module: nn.Module) -> None:
    """Weights from their names' checksums, whatever torch's and timm's own initialisation is.

    Kernels keep the variance of their input (He et al. 2015), so that every layer matters to the output: with
    the paper's initialisation (std 0.01) most of the network is silent and a test of it would prove nothing.
    """
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            values = rng.standard_normal(tuple(tensor.shape), dtype=np.float32)
            if name.endswith("running_var"):
                tensor.copy_(torch.from_numpy(0.5 + np.abs(values)))
            elif name.endswith(("running_mean", "bias")):
                tensor.copy_(torch.from_numpy(0.1 * values))
            elif tensor.dim() > 1 and name not in ("mean", "std"):
                tensor.copy_(torch.from_numpy(values * np.sqrt(2 / np.prod(tensor.shape[1:]))))


def build(name: str = "dpa-mobile", **changes: Any) -> DPA:
    """A named model made narrow, filled by hand, in evaluation mode."""
    model = DPA(name, **(TINY | changes))
    fill(model)
    return model.eval()


def smooth(batch: int, height: int, width: int, seed: int = 0) -> Tensor:
    """(batch, 3, height, width) in [0, 1]: blobs, the same at every size."""
    coarse = np.random.default_rng(seed).random((batch, 3, 5, 7), dtype=np.float32)
    size = (height, width)
    return torch.nn.functional.interpolate(
        torch.from_numpy(coarse), size, mode="bilinear", align_corners=True
    )


def pair(batch: int, height: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A picture and a flow picture."""
    return smooth(batch, height, width, seed), smooth(batch, height, width, seed + 1000)


def inputs(model: DPA, batch: int, height: int, width: int, seed: int = 0) -> list[Tensor]:
    """What `encode` wants: with or without flow."""
    return list(pair(batch, height, width, seed))[: 2 if model.config.motion else 1]


def remember(model: DPA, frames: int, height: int = 64, width: int = 64) -> References:
    """References from so many frames, one set."""
    parts = [model.reference(model.encode(*inputs(model, 1, height, width, 10 + i))) for i in range(frames)]
    return References.join(parts)


class Segment(nn.Module):
    """`segment` with plain tensors in and out, as exporters want it."""

    def __init__(self, model: DPA, size: tuple[int, int]) -> None:
        super().__init__()
        self.model, self.size = model, size

    def forward(self, appearance: list[Tensor], motion: list[Tensor], key: Tensor, value: Tensor) -> Tensor:
        return self.model.segment(Features(appearance, motion, self.size), References(key, value))[-1]
