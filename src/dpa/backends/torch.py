"""The network in torch: any model, any device."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from dpa.arrays import Features as Maps
from dpa.arrays import Images
from dpa.backends.protocol import Memory, Seen
from dpa.model.dpa import DPA, Features, References

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_GPU_BATCH = 8


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
        compiled: run the network through torch.compile; the first frames then take a minute longer. (Not with
            CUDA graphs: those belong to one thread, and every video has its own.)
    """

    name = "torch"
    has_features = True

    def __init__(
        self,
        model: DPA,
        device: str = "cpu",
        threads: int = 0,
        weights: str = "",
        precision: str | None = None,
        compiled: bool = False,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.device = device
        self.config = model.config
        self.weights = weights
        self.precision = precision or ("fp32" if device == "cpu" else "fp16")
        on_gpu = device.partition(":")[0] == "cuda"
        self.batch = _GPU_BATCH if on_gpu else 1
        self._model = model.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._run: Any = self._segment
        if compiled:
            self._run = torch.compile(self._segment)

    @torch.inference_mode()
    def __call__(
        self,
        images: Images,
        flows: Images,
        references: Memory,
        *,
        remember: bool = False,
        features: bool = False,
        dinov2: Maps | None = None,
    ) -> Seen:
        c = self.config
        given = References(*(self._moved(r)[None] for r in references)) if c.ifa else None
        probability, own, maps = self._run(
            self._moved(images),
            self._moved(flows) if c.motion else None,
            self._moved(np.stack(dinov2)) if c.dinov2 and dinov2 else None,
            given,
            remember and c.ifa,
            features,
        )
        return Seen(
            probability.cpu().numpy(),
            [Memory(*pair) for pair in _apart(own)] if own else [],
            [*_apart(maps)],
        )

    def _segment(
        self,
        images: torch.Tensor,
        flows: torch.Tensor | None,
        dinov2: torch.Tensor | None,
        given: References | None,
        remember: bool,
        wanted: bool,
    ) -> tuple[torch.Tensor, References | None, list[torch.Tensor]]:
        with autocast(self.device, self.precision):
            motion = None if flows is None else _picture(flows)
            features = self._model.encode(_picture(images), motion, dinov2)
            own = self._model.reference(features) if remember else None
            probability = self._model.segment(features, given)[-1][:, 0]
        return (
            probability,
            own and References(*(r.float() for r in own)),
            _of_appearance(features) if wanted else [],
        )

    def _moved(self, array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self.device == "cpu":
            return tensor
        # From pinned memory the copy overlaps with what the device still computes.
        pinned = tensor.pin_memory() if self.device.startswith("cuda") else tensor
        return pinned.to(self.device, non_blocking=True)


def _of_appearance(features: Features) -> list[torch.Tensor]:
    own = [f.float() for f in features.appearance[1:]]
    return own if features.dinov2 is None else [*own, features.dinov2]


def _apart(tensors: Iterable[torch.Tensor]) -> "zip[tuple[np.ndarray, ...]]":
    """The same by frame, in NumPy."""
    return zip(*(tensor.cpu().numpy() for tensor in tensors), strict=True)


def _picture(images: torch.Tensor) -> torch.Tensor:
    """(B, h, w, 3) uint8 -> (B, 3, h, w) in [0, 1]; a permuted picture is channels_last already."""
    return images.permute(0, 3, 1, 2).float() / 255
