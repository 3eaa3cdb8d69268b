"""Repeating work and taking its time; the memory that this process has taken."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dpa.bench.settings import LEAST_REPEATS, BenchSettings


@dataclass
class Measured:
    """What a process of its own has measured.

    Attributes:
        seconds: a frame, one figure a repeat.
        memory: bytes: the most that the process had resident while it worked, libraries and weights included;
            on a CUDA device what torch had allocated there.
        loaded: bytes: the same just before the work.
        flops: a frame, counted; None where they are not.
        facts: what else is to be told.
    """

    seconds: list[float] = field(default_factory=list)
    memory: int | None = None
    loaded: int | None = None
    flops: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def measure(work: Callable[[], int], settings: BenchSettings, device: str = "cpu", **facts: Any) -> Measured:
    """Time and memory of some work.

    Args:
        work: as for `repeat`.
        device: whose memory counts.
        facts: for `Measured.facts`.
    """
    forget_peak(device)
    loaded = peak_memory(device)
    seconds = repeat(work, settings)
    return Measured(seconds, peak_memory(device), loaded, facts=facts)


def repeat(work: Callable[[], int], settings: BenchSettings) -> list[float]:
    """Seconds a frame of every repeat, after the warm-up.

    Args:
        work: does one repeat to its end and tells how many frames that were.
    """
    for _ in range(settings.warmup):
        work()
    samples: list[float] = []
    begin = time.perf_counter()
    while len(samples) < settings.repeats:
        start = time.perf_counter()
        if len(samples) >= LEAST_REPEATS and start - begin > settings.seconds:
            break
        frames = work()
        samples.append((time.perf_counter() - start) / frames)
    return samples


def finish(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device != "cpu":
        import torch

        torch.accelerator.synchronize(device)


def forget_peak(device: str = "cpu") -> None:
    """Let the peak start anew: loading libraries and weights may take more than the work does.

    Where the system cannot do that (it is Linux's), the peak stays that of the whole process.
    """
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: str = "cpu") -> int | None:
    """Bytes at most since `forget_peak`, see `Measured.memory`; None where the system does not tell."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: there Linux carries the parent's peak over into a process that it starts.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
