"""Jobs in processes of this machine, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dpa.batch.job import Job, Row, segment_one
from dpa.device import cores, pick_device
from dpa.processes import Told, number, spread, tell


@dataclass(frozen=True)
class Share:
    """How a machine is shared between videos.

    Attributes:
        processes: videos at work at a time.
        devices: each process has one, in turn.
        threads: of the network in a process; 0 leaves it as it is.
    """

    processes: int
    devices: tuple[str, ...]
    threads: int

    @classmethod
    def of(cls, device: str = "auto", processes: int = 0, threads: int = 0) -> "Share":
        """The share for a device, see `pick_device`; `processes` and `threads` may be decided already.

        Raises:
            DPAError: see `pick_device`.
        """
        device = pick_device(device)
        devices: tuple[str, ...] = (device,)
        if device == "cuda":
            import torch

            devices = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
        if device == "cpu":
            processes = processes or cores()
            threads = threads or max(1, cores() // processes)
        return cls(processes or len(devices), devices, threads)


def run(jobs: Sequence[Job], share: Share, told: Told | None = None) -> Iterator[Row]:
    """The rows of all jobs, in the order in which they are done.

    Args:
        jobs: what is to be done.
        share: how many at a time. One is done in this process, and so is a single job.
        told: called with (name of a job, frames done, frames of all or None), from another thread.
    """
    if min(share.processes, len(jobs)) == 1:
        share = replace(share, threads=0)  # nobody beside it
    yield from spread(partial(_work, share), jobs, share.processes, told=told, lost=_lost)


def _work(share: Share, job: Job) -> Iterator[Row]:
    device = share.devices[number() % len(share.devices)]
    settings = job.settings | {"device": device}
    settings |= {"threads": share.threads} if share.threads else {}

    def progress(done: int, count: int | None) -> None:
        tell((job.name, done, count))

    yield segment_one(replace(job, settings=settings), progress)


def _lost(job: Job) -> Row:
    problem = f"{job.source}: its process was killed, perhaps for its memory: try a smaller --flow-size"
    return Row(job.name, "failed", problem=problem)
