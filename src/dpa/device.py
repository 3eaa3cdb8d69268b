"""The one place that picks a device."""

import os
import re
import shutil
import sys
from importlib.util import find_spec

from dpa.errors import InputError, MissingExtra

_ASKS = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def pick_device(request: str = "auto") -> str:
    """Name the device to compute on, in torch's words.

    Torch is imported only when the answer depends on it: never for "cpu", and for "auto" only where this
    machine has a driver that torch could use.

    Args:
        request: "auto", "cpu", "cuda", "cuda:1" (any index) or "mps". "auto" is CUDA, else MPS, else the CPU;
            a device that was asked for by name is never silently replaced by another.

    Returns:
        "cpu", "mps", "cuda" or "cuda:INDEX".

    Raises:
        InputError: no such device, or this machine does not have it.
        MissingExtra: the device needs torch, which is not installed.
    """
    if not _ASKS.fullmatch(request):
        raise InputError(f"device {request!r} is not known: use auto, cpu, cuda, cuda:INDEX or mps")
    if request == "cpu":
        return "cpu"
    if find_spec("torch") is None:
        if request == "auto":
            return "cpu"
        raise MissingExtra(f"--device {request}")
    if request == "auto":
        return _best()
    if request == "mps":
        return _mps()
    return _cuda(request)


def _best() -> str:
    if _driver_present():
        import torch

        if torch.cuda.is_available():
            return "cuda"
    if sys.platform == "darwin":
        import torch

        if torch.backends.mps.is_available():
            return "mps"
    return "cpu"


def _driver_present() -> bool:
    """Whether there is any sign of an NVIDIA or AMD driver; costs no import of torch."""
    signs = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
    return any(os.path.exists(sign) for sign in signs) or shutil.which("nvidia-smi") is not None


def _cuda(request: str) -> str:
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda or torch.version.hip
        why = "no usable GPU or driver was found" if built else "this torch was built without CUDA"
        raise InputError(f"--device {request}: {why}; `dpa doctor` says more, --device cpu works everywhere")
    count = torch.cuda.device_count()
    if ":" in request and int(request.partition(":")[2]) >= count:
        raise InputError(f"--device {request}: this machine has {count} CUDA device(s), counted from 0")
    return request


def _mps() -> str:
    import torch

    if not torch.backends.mps.is_available():
        raise InputError("--device mps: this machine has no Apple GPU that torch can use; try --device cpu")
    return "mps"


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
