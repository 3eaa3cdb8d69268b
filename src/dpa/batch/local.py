"""Jobs in processes of this machine, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dpa.batch.film import Films, Joint, join_one
from dpa.batch.job import Job, Row
from dpa.batch.work import segment_one
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


def run(jobs: Sequence[Job], share: Share, told: Told | None = None, longest: int = 0) -> Iterator[Row]:
    """The rows of all jobs, in the order in which they are done.

    Videos that are cut go last: when the others are done, their parts are, and then they are put together.

    Args:
        jobs: what is to be done.
        share: how many at a time. One is done in this process, and so is a single job.
        told: called with (name of a job, frames done, frames of all or None), from another thread.
        longest: frames; longer videos are cut, see `dpa.batch.film.cut`. 0 for none.
    """
    films, waiting = Films(), list[Job | Joint](jobs)
    while waiting:
        tasks, waiting = waiting, []
        alone = min(share.processes, len(tasks)) == 1
        work = partial(_work, replace(share, threads=0) if alone else share, longest)  # nobody beside it
        for task, row in spread(work, tasks, share.processes, told=told, lost=_lost):
            more, whole = films.next(task, row)
            waiting += more
            if whole is not None:
                yield whole


def _work(share: Share, longest: int, task: Job | Joint) -> Iterator[tuple[Job | Joint, Row]]:
    if isinstance(task, Joint):
        yield task, join_one(task)
        return
    job, device = task, share.devices[number() % len(share.devices)]
    settings = job.settings | {"device": device}
    settings |= {"threads": share.threads} if share.threads else {}

    def progress(done: int, count: int | None) -> None:
        tell((job.name, done, count))

    yield task, segment_one(replace(job, settings=settings), progress, longest=longest)


def _lost(task: Job | Joint) -> tuple[Job | Joint, Row]:
    job = task.job if isinstance(task, Joint) else task
    problem = f"{job.source}: its process was killed, perhaps for its memory: try a smaller --flow-size"
    return task, Row(job.name, "failed", problem=problem)
