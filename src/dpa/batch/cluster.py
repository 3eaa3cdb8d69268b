"""Jobs on many machines, as tasks of Ray."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dpa.batch.film import Films, Joint, join_one
from dpa.batch.job import Job, Row
from dpa.batch.work import segment_one
from dpa.device import cores
from dpa.errors import InputError, MissingExtra
from dpa.storage.urls import is_url
from dpa.video.write.backdrop import BLUR, GREEN

_RETRIES = 3  # of a task whose process or machine died
_STORE = 100 * 2**20  # bytes; jobs and rows are small
_PATHS = ("weights", "shots")  # settings that may name a file


@dataclass(frozen=True)
class Cluster:
    """Where tasks run, and what each takes there.

    Attributes:
        address: of a cluster, "auto" or "ray://HOST:PORT"; None for one on this machine that starts and ends
            with the run.
        cpus: of a task.
        gpus: of a task, parts of one too; None for one where the cluster has any and the device is not the
            CPU, else none.
        jobs: videos that work or wait there; 0 for twice what it does at once. Of a cluster on this machine
            its CPUs.
        longest: frames; longer videos are cut, see `dpa.batch.film.cut`. 0 for none.
    """

    address: str | None = None
    cpus: float = 1
    gpus: float | None = None
    jobs: int = 0
    longest: int = 0


def run(jobs: Sequence[Job], cluster: Cluster) -> Iterator[Row]:
    """The rows of all jobs, as they come in; results are written by the workers, to storage that all share.

    Each process of a worker keeps its network for the next video. A task whose process or machine died is
    done again on another, up to three times. As many tasks wait as work, so that clusters that grow with what
    waits grow, and the driver's memory does not grow with the number of jobs.

    Raises:
        MissingExtra: Ray is not installed.
        InputError: the cluster cannot be reached, or cannot hold a single task.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("--engine ray", "ray") from error
    with _connected(ray, cluster):
        cpus, gpus = _asked(ray, jobs, cluster)
        work = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=_RETRIES)(_work)
        queue = _Queue(jobs)
        at_work: dict[Any, Job | Joint] = {}
        try:
            while True:
                room = cluster.jobs or 2 * _capacity(ray, cpus, gpus)
                while len(at_work) < room and (given := queue.next()) is not None:
                    at_work[work.remote(given, max(1, int(cpus)), cluster.longest)] = given
                if not at_work:
                    return
                for ref in ray.wait(list(at_work), num_returns=1)[0]:
                    done = at_work.pop(ref)
                    if (row := queue.done(done, _row(ray, ref, done))) is not None:
                        yield row
        finally:
            for ref in at_work:
                ray.cancel(ref, force=True)


class _Queue:
    """Jobs that wait: parts of films before the next video, so that films are done one after the other."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs, self._first, self._films = iter(jobs), deque[Job | Joint](), Films()

    def next(self) -> Job | Joint | None:
        while self._first:
            task = self._first.popleft()
            if self._films.wanted(task):
                return task
        job = next(self._jobs, None)
        return None if job is None else _anywhere(job)

    def done(self, task: Job | Joint, row: Row) -> Row | None:
        """The row of a video that is now done, or cannot be."""
        more, whole = self._films.next(task, row)
        self._first.extendleft(reversed(more))
        return whole


def _work(task: Job | Joint, threads: int, longest: int) -> Row:
    import cv2

    cv2.setNumThreads(threads)
    if isinstance(task, Joint):
        return join_one(task)
    job = replace(task, settings={"threads": threads} | task.settings)
    return segment_one(job, longest=longest)


def _row(ray: Any, ref: Any, task: Job | Joint) -> Row:
    job = task.job if isinstance(task, Joint) else task
    try:
        row: Row = ray.get(ref)
    except ray.exceptions.RayTaskError as error:
        problem = f"{job.source}: cannot be done on its machine ({_first_line(error.cause)})"
        return Row(
            job.name, "failed", problem=f"{problem}: all machines need the same version of this package"
        )
    except ray.exceptions.RayError as error:
        reason = type(error).__name__
        problem = f"{job.source}: the process or machine at work on it died {_RETRIES + 1} times ({reason})"
        return Row(job.name, "failed", problem=f"{problem}: give tasks more memory, fewer at a time")
    return row


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _anywhere(job: Job) -> Job:
    """The job with paths that hold on every machine that shares the storage."""
    outputs = tuple((_absolute(path), kind) for path, kind in job.outputs)
    settings = {
        name: _absolute(str(value)) if name in _PATHS and value and os.path.exists(value) else value
        for name, value in job.settings.items()
    }
    source = _absolute(job.source) if isinstance(job.source, str) else tuple(map(Path.absolute, job.source))
    background = job.background
    if background not in (GREEN, BLUR) and os.path.exists(background):
        background = _absolute(background)
    given = job.flow_pictures and tuple(path and path.absolute() for path in job.flow_pictures)
    return replace(
        job, source=source, outputs=outputs, settings=settings, background=background, flow_pictures=given
    )


def _absolute(path: str) -> str:
    if is_url(path):
        return path
    return os.path.abspath(path) + ("/" if path.endswith("/") else "")


def _asked(ray: Any, jobs: Sequence[Job], cluster: Cluster) -> tuple[float, float]:
    """CPUs and GPUs of a task."""
    there = ray.cluster_resources()
    gpus = cluster.gpus
    if gpus is None:
        wanted = any(job.settings.get("device", "auto") != "cpu" for job in jobs)
        gpus = 1.0 if wanted and there.get("GPU", 0) >= 1 else 0.0
    for name, number in {"CPU": cluster.cpus, "GPU": gpus}.items():
        has = there.get(name, 0)
        if number > has:
            raise InputError(
                f"a video asks for {number:g} {name} and the cluster has {has:g}: ask for less, or let a "
                "cluster that grows begin with a worker"
            )
    return cluster.cpus, gpus


def _capacity(ray: Any, cpus: float, gpus: float) -> int:
    """Tasks that the cluster, as large as it is now, does at once; at least one."""
    there = ray.cluster_resources()
    asked = {"CPU": cpus, "GPU": gpus}
    return max(1, min(int(there.get(name, 0) / number) for name, number in asked.items() if number))


@contextmanager
def _connected(ray: Any, cluster: Cluster) -> Iterator[None]:
    if ray.is_initialized():  # by who calls, and theirs to end
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    how: dict[str, Any] = {"address": cluster.address}
    if cluster.address is None:
        how = {"address": "local", "num_cpus": cluster.jobs or cores(), "include_dashboard": False}
        # Whoever reaches a cluster's ports can run code in it.
        how |= {"object_store_memory": _STORE, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(**how, logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = cluster.address or "on this machine"
        raise InputError(
            f"no Ray cluster answers {where} ({_first_line(error)}): start one, or check --address"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()
