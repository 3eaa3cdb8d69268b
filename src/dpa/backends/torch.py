"""The network in torch: any model, any device."""

from contextlib import nullcontext

import numpy as np
import torch

from dpa.backends.protocol import Memory
from dpa.model.dpa import DPA, References


class TorchBackend:
    """A `Backend` on any of torch's devices; half precision on GPUs.

    Args:
        model: the network.
        device: where to run.
        threads: of torch on a CPU; 0 leaves torch's choice.
        weights: the file it came from, for the records.
    """

    name = "torch"

    def __init__(self, model: DPA, device: str = "cpu", threads: int = 0, weights: str = "") -> None:
        if threads:
            torch.set_num_threads(threads)
        self.device = device
        self.config = model.config
        self.weights = weights
        self._model = model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, flow: np.ndarray, references: Memory) -> tuple[np.ndarray, Memory]:
        c = self.config
        half = (
            nullcontext()
            if self.device == "cpu"
            else torch.autocast(self.device.split(":")[0], torch.float16)
        )
        with half:
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
