"""Many videos side by side: processes of this machine and workers of Ray, and what the driver costs.

    python benchmarks/scaling.py VIDEO [--videos 8] [--workers 1 2] [--size 320]
    python benchmarks/scaling.py --driver 20000

The first makes masks of copies of a video and prints a table: seconds, frames a second, seconds to the first
row, and what a video costs beside its own work: ((seconds - start) * workers - work) / videos. The machine
should be quiet; its load is printed. The second measures what a list of so many videos costs whoever runs the
command: its memory and seconds, and Ray's seconds a task.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dpa.batch import cluster, local
from dpa.batch.inputs import expand
from dpa.batch.job import Job, Row
from dpa.batch.plan import plan
from dpa.batch.report import Report
from dpa.device import cores

EMPTY_TASKS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--driver", type=int, default=0, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.driver:
            driver(Path(folder), args.driver)
        if args.video:
            scaling(Path(folder), args)


def scaling(folder: Path, args: argparse.Namespace) -> None:
    print(f"{cores()} cores, load {os.getloadavg()[0]:.1f} before the first run")
    print("| engine | workers | seconds | frames/s | first row | beside its work, a video |")
    print("|---|---|---|---|---|---|")
    for engine in ("local", "ray"):
        for workers in args.workers:
            place = folder / f"{engine}{workers}"
            start = time.perf_counter()
            rows, times = [], []
            for row in run(engine, workers, jobs_of(place, args)):
                assert row.state == "done", row
                rows.append(row)
                times.append(time.perf_counter() - start)
            work, frames = sum(row.seconds for row in rows), sum(row.frames for row in rows)
            begun = times[0] - rows[0].seconds
            beside = ((times[-1] - begun) * workers - work) / len(rows)
            print(
                f"| {engine} | {workers} | {times[-1]:.1f} | {frames / times[-1]:.1f} | {times[0]:.1f} | "
                f"{beside:.2f} s |",
                flush=True,
            )
            shutil.rmtree(place)


def jobs_of(place: Path, args: argparse.Namespace) -> list[Job]:
    place.mkdir()
    settings = {"device": "cpu"} | ({"size": args.size} if args.size else {})
    jobs = []
    for number in range(args.videos):
        video = place / f"{number}{args.video.suffix}"
        video.symlink_to(args.video.resolve())
        jobs.append(Job(str(number), str(video), ((f"{place / 'out' / str(number)}/", "mask"),), settings))
    return jobs


def run(engine: str, workers: int, jobs: list[Job]) -> Iterator[Row]:
    if engine == "local":
        yield from local.run(jobs, local.Share.of("cpu", workers))
    else:
        each = max(1, cores() // workers)
        yield from cluster.run(jobs, cluster.Cluster(cpus=each, gpus=0))


def driver(folder: Path, count: int) -> None:
    manifest = folder / "manifest.csv"
    names = (f"/films/{number // 1000:04d}/video_{number:07d}.mp4\n" for number in range(count))
    manifest.write_text("input\n" + "".join(names))
    before, start = memory(), time.perf_counter()
    jobs = plan(list(expand([str(manifest)])), str(folder / "out"), ["overlay"], Job("", "", ()))
    report = Report(folder / "out", jobs)
    print(f"{count} videos: {time.perf_counter() - start:.1f} s to the first job, ", end="")
    print(f"{(memory() - before) / count * 1024:.2f} KiB each")
    start = time.perf_counter()
    for job in report.todo:
        report.add(Row(job.name, "done", 1500, 100.0))
    report.close()
    size = (folder / "out" / "report.csv").stat().st_size / count
    print(f"rows: {(time.perf_counter() - start) / count * 1000:.3f} ms and {size:.0f} bytes each")
    missing = [Job(str(n), str(folder / f"no{n}.mp4"), (), {"device": "cpu"}) for n in range(EMPTY_TASKS)]
    times = []
    for _ in cluster.run(missing, cluster.Cluster(gpus=0)):
        times.append(time.perf_counter())
    print(f"Ray: {(times[-1] - times[9]) / (EMPTY_TASKS - 10) * 1000:.1f} ms a task without work")


def memory() -> float:
    """MiB that this process holds (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
