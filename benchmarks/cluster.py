"""A cluster of three nodes on this machine, of which one dies while forty videos are made.

    python benchmarks/cluster.py [--videos 40] [--frames 24]

Every node has one CPU. When a quarter of the videos is done one node is removed;
when half of them are, a process at work on a video is killed, as the system does where memory runs out. One
video is no video. In the end every other video must have one row and one result, equal to what is made of it
alone, the broken one a sentence, and nothing else may be there. Prints what happened; exits with 1 where
something was not so. Linux only.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
for name in ("tests", "tests/video"):
    sys.path.insert(0, str(REPOSITORY / name))

from dpa.batch import cluster, local  # noqa: E402
from dpa.batch.job import Job, Row  # noqa: E402
from engine_samples import make_clip  # noqa: E402

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--frames", type=int, default=24)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        jobs = jobs_of(Path(folder), args.videos, args.frames)
        start = time.perf_counter()
        rows = made(jobs)
        print(f"{len(rows)} rows in {time.perf_counter() - start:.0f} s")
        wrong = list(faults(Path(folder), jobs, rows))
    for sentence in wrong:
        print(f"wrong: {sentence}")
    print("all is as it should be" if not wrong else f"{len(wrong)} faults")
    return bool(wrong)


def jobs_of(place: Path, videos: int, frames: int) -> list[Job]:
    jobs = []
    for number in range(videos):
        clip = make_clip(place / f"{number}.mkv", frames + number % 5)
        outputs = ((f"{place / 'out' / str(number)}/", "soft"),)
        settings = {"size": 128, "device": "cpu"}
        jobs.append(Job(str(number), str(clip), outputs, settings, overwrite=True))
    (place / f"{videos // 3}.mkv").write_bytes(b"no video")
    return jobs


def made(jobs: list[Job]) -> list[Row]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster as Nodes

    nodes = Nodes(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    lost = nodes.add_node(**NODE)
    nodes.add_node(**NODE)
    nodes.wait_for_nodes()
    ray.init(nodes.address, logging_level="ERROR", log_to_driver=False)
    rows: list[Row] = []
    try:
        for row in cluster.run(jobs, cluster.Cluster(gpus=0)):
            rows.append(row)
            if len(rows) == len(jobs) // 4:
                nodes.remove_node(lost, allow_graceful=False)
                print(f"after {len(rows)} rows a node was removed")
            if len(rows) == len(jobs) // 2:
                print(f"after {len(rows)} rows process {kill_one()} was killed")
    finally:
        ray.shutdown()
        nodes.shutdown()
    return rows


def kill_one() -> int:
    """Kills a process of this cluster that is at work on a video."""
    for _ in range(100):
        for pid in below(os.getpid()):
            if b"ray::_work" in read(pid, "cmdline"):
                os.kill(pid, signal.SIGKILL)
                return pid
        time.sleep(0.05)
    raise RuntimeError("no process is at work")


def below(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := read(int(entry.name), "stat")):
            parents[int(entry.name)] = int(stat.rpartition(b")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended
        return b""


def faults(place: Path, jobs: list[Job], rows: list[Row]) -> Any:
    broken = str(len(jobs) // 3)
    names = sorted(row.name for row in rows)
    if names != sorted(job.name for job in jobs):
        yield f"the rows are of {names}"
    for row in rows:
        if (row.state == "failed") != (row.name == broken):
            yield f"{row.name}: {row.state}: {row.problem}"
        elif row.name == broken:
            print(f"the broken video: {row.problem}")
    good = [job for job in jobs if job.name != broken]
    there = sorted(path.name for path in (place / "out").iterdir())
    if there != sorted(job.name for job in good):
        yield f"the results are {there}"
    alone = [Job(j.name, j.source, ((f"{place / 'alone' / j.name}/", "soft"),), j.settings) for j in good]
    for row in local.run(alone, local.Share(1, ("cpu",), 1)):
        one, other = (tree(place / folder / row.name) for folder in ("out", "alone"))
        if one != other:
            yield f"{row.name} differs from what is made of it alone"


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


if __name__ == "__main__":
    sys.exit(main())
