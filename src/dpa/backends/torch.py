"""The network in torch: any model, any device."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from dpa.backends.protocol import Memory
from dpa.model.dpa import DPA, References

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """Where one of the precisions, `DTYPES`, holds."""
    return (
        nullcontext() if precision == "fp32" else torch.autocast(device.partition(":")[0], DTYPES[precision])
    )


class TorchBackend:
    """A `Backend` on any of torch's devices.

    Args:
        model: the network.
        device: where to run.
        threads: of torch on a CPU; 0 leaves torch's choice.
        weights: the file it came from, for the records.
        precision: one of `DTYPES`, mixed; None for fp16 on GPUs and fp32 on CPUs.
    """

    name = "torch"

    def __init__(
        self,
        model: DPA,
        device: str = "cpu",
        threads: int = 0,
        weights: str = "",
        precision: str | None = None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.device = device
        self.config = model.config
        self.weights = weights
        self._precision = precision or ("fp32" if device == "cpu" else "fp16")
        self._model = model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, flow: np.ndarray, references: Memory) -> tuple[np.ndarray, Memory]:
        c = self.config
        with autocast(self.device, self._precision):
            features = self._model.encode(self._picture(image), self._picture(flow) if c.motion else None)
            own = self._model.reference(features) if c.ifa else None
            given = (
                References(*(torch.from_numpy(r).to(self.device)[None] for r in references))
                if c.ifa
                else None
            )
            probability = self._model.segment(features, given)[-1].float().sigmoid()[0, 0]
        memory = Memory(*(r[0].float().cpu().numpy() for r in own)) if own is not None else Memory.blank(c)
        return probability.cpu().numpy(), memory

    def _picture(self, image: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(self.device)
        # A permuted (1, h, w, 3) is channels_last already.
        return tensor[None].permute(0, 3, 1, 2).float() / 255
