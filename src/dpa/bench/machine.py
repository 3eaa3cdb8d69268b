"""The machine, what is installed on it, and how fast it multiplies matrices."""

import os
import platform
import time
from pathlib import Path
from typing import Any

from dpa._version import __version__
from dpa.bench.measure import finish
from dpa.bench.settings import BenchSettings
from dpa.device import cores
from dpa.versions import commit, installed

_LIBRARIES = ("numpy", "opencv-python-headless", "av", "onnxruntime", "torch", "torchvision", "timm")
_LEAST_SECONDS, _LEAST_RUNS = 1.0, 5


def describe(device: str) -> dict[str, Any]:
    """Processor, cores, load, device, system, versions and commit, as JSON values."""
    facts: dict[str, Any] = {
        "processor": _processor(),
        "cores": cores(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "dpa": __version__,
        "commit": commit(),
        "libraries": installed(_LIBRARIES),
    }
    if device.startswith("cuda"):
        import torch

        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def multiply_rate(settings: BenchSettings, library: str) -> dict[str, Any]:
    """Floating-point operations a second of the product of two square matrices; the best of several runs.

    Measured with the library and precision that the network runs in, so that a share of it can be told. A
    product of n x n matrices is 2 n^3 operations.

    Args:
        library: "torch", or "numpy" beside ONNX Runtime, which has no product to be called alone.
    """
    side = settings.matrix or (2048 if settings.device == "cpu" else 8192)
    multiply = _in_torch(settings, side) if library == "torch" else _in_numpy(side)
    multiply()
    best, begin, runs = float("inf"), time.perf_counter(), 0
    while runs < _LEAST_RUNS or time.perf_counter() - begin < _LEAST_SECONDS:
        start = time.perf_counter()
        multiply()
        best, runs = min(best, time.perf_counter() - start), runs + 1
    precision = settings.in_precision if library == "torch" else "fp32"
    rate = 2 * side**3 / best
    return {"flops_per_second": rate, "side": side, "library": library, "precision": precision, "runs": runs}


def _in_torch(settings: BenchSettings, side: int) -> Any:
    import torch

    from dpa.backends.torch import DTYPES

    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.device != "cpu":
        # Convolutions on GPUs use TF32 for fp32 by default: the rate must be of the same kind.
        torch.set_float32_matmul_precision("high")
    a, b, out = (torch.rand(side, side, dtype=torch.float32).to(settings.device) for _ in range(3))
    a, b, out = (matrix.to(DTYPES[settings.in_precision]) for matrix in (a, b, out))

    def multiply() -> None:
        torch.matmul(a, b, out=out)
        finish(settings.device)

    return multiply


def _in_numpy(side: int) -> Any:
    import numpy as np

    rng = np.random.default_rng(0)
    a, b, out = (rng.random((side, side), dtype=np.float32) for _ in range(3))
    return lambda: np.matmul(a, b, out=out)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
