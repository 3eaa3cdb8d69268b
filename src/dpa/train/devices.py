"""Where a run computes: Lightning Fabric on any number of devices, or one device without the library."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from dpa.errors import InputError, MissingExtra

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}
"""Settings' names of the precisions, and Fabric's."""


def make_fabric(device: str = "cpu", devices: int = 1, nodes: int = 1, precision: str = "32") -> Any:
    """What the training loop runs on, its processes started.

    Args:
        device: "cpu", "cuda", "cuda:INDEX" or "mps".
        devices: processes on this machine; on a CPU they share its cores.
        nodes: machines. Start the same command on each through torchrun or SLURM.
        precision: one of `PRECISIONS`.

    Returns:
        A `lightning_fabric.Fabric`, or a `OneDevice` where the library is not installed.

    Raises:
        InputError: unknown precision, or more devices than there are.
        MissingExtra: several devices or float16 without Lightning Fabric.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if min(devices, nodes) < 1:
        raise InputError(f"devices and nodes must be at least 1, not {devices} and {nodes}")
    several = devices * nodes > 1
    if find_spec("lightning_fabric") is None:
        if several or precision == "16":
            raise MissingExtra("training on several devices, or in 16-bit floats,")
        return OneDevice(device, precision)
    kind, _, index = device.partition(":")
    if kind == "cuda" and devices > torch.cuda.device_count():
        raise InputError(f"devices={devices}: this machine has {torch.cuda.device_count()} CUDA device(s)")
    if index and several:
        raise InputError(f"--device {device} names one device, yet devices={devices}: use --device {kind}")
    from lightning_fabric import Fabric

    fabric = Fabric(
        accelerator=kind,
        devices=[int(index)] if index else devices,
        num_nodes=nodes,
        strategy="ddp" if several else "auto",
        precision=PRECISIONS[precision],  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


class OneDevice:
    """The part of Fabric that the loop uses, for one device."""

    world_size, global_rank, is_global_zero = 1, 0, True

    def __init__(self, device: str = "cpu", precision: str = "32") -> None:
        self.device, self.precision = torch.device(device), precision

    def setup(self, module: nn.Module, optimiser: Any) -> tuple[nn.Module, Any]:
        return module.to(self.device), optimiser

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def clip_gradients(
        self, module: nn.Module, optimizer: Any, max_norm: float, error_if_nonfinite: bool = False
    ) -> None:
        nn.utils.clip_grad_norm_(module.parameters(), max_norm, error_if_nonfinite=error_if_nonfinite)

    @contextmanager
    def autocast(self) -> Iterator[None]:
        mixed = (
            torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()
        )
        with mixed:
            yield

    def no_backward_sync(self, module: nn.Module, enabled: bool = True) -> Any:
        return nullcontext()

    def all_reduce(self, data: Tensor, reduce_op: str = "mean") -> Tensor:
        return data

    def barrier(self) -> None:
        return
