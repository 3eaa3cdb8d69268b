"""How `dpa web` bears many visitors at once, and many videos one after the other.

    python benchmarks/web_load.py --clients 20 --jobs 100

Starts a server of its own on loopback. Every client uploads the same clip, waits, downloads the result, and
compares it with that of `dpa segment`. Memory is that of the server and all its processes (proportional set
size, Linux).
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

from dpa.engine.segmenter import Segmenter
from dpa.example import Scene, write_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20, help="at once")
    parser.add_argument("--jobs", type=int, default=100, help="one after the other, after that")
    parser.add_argument("--frames", type=int, default=6, help="of the clip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        clip, expected = Path(place) / "clip.mp4", Path(place) / "out.mp4"
        write_clip(clip, Scene(frames=options.frames))
        Segmenter().write(clip, [(expected, "overlay")])
        words = ["-m", "dpa", "web", "--port", "0", "--folder", f"{place}/web"]
        server = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[4]
            visit(address, clip, expected.read_bytes())
            at_once(address, clip, expected.read_bytes(), options.clients, server.pid)
            in_a_row(address, clip, expected.read_bytes(), options.jobs, server.pid)
        finally:
            server.terminate()
            server.wait()


def visit(address: str, clip: Path, expected: bytes) -> tuple[float, float]:
    """Seconds until the video was at work, and until its result was there."""
    with httpx.Client(base_url=address, timeout=600, transport=httpx.HTTPTransport(retries=20)) as client:
        start, begun = time.perf_counter(), 0.0
        answer = client.post("/api/videos", params={"name": clip.name}, content=clip.read_bytes())
        place = f"/api/videos/{answer.raise_for_status().json()['id']}"
        while True:
            result = client.get(place).raise_for_status().json()["results"][0]
            if not begun and result["state"] != "waiting":
                begun = time.perf_counter() - start
            if result["state"] not in ("waiting", "working"):
                break
            time.sleep(0.1)
        data = client.get(f"{place}/results/{result['id']}").raise_for_status().content
        total = time.perf_counter() - start
        assert data == expected, "the result is another one than that of `dpa segment`"
        client.delete(place).raise_for_status()
    return begun, total


def at_once(address: str, clip: Path, expected: bytes, clients: int, process: int) -> None:
    waited: list[tuple[float, float]] = []
    before, most = memory(process), 0.0

    def one() -> None:
        waited.append(visit(address, clip, expected))

    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory(process))
        time.sleep(0.5)
    print(f"{clients} clients at once: {len(waited)} results, {clients - len(waited)} lost")
    for name, values in zip(("waits for its turn", "has its file"), zip(*waited, strict=True), strict=True):
        low, middle, high = np.percentile(values, [0, 50, 100])
        print(f"  {name}: first {low:.1f} s, median {middle:.1f} s, last {high:.1f} s")
    print(f"  memory: {before:.0f} MB before, {most:.0f} MB at most, {memory(process):.0f} MB after")


def in_a_row(address: str, clip: Path, expected: bytes, jobs: int, process: int) -> None:
    print(f"{jobs} videos one after the other, memory of the server itself and of all its processes:")
    for number in range(1, jobs + 1):
        visit(address, clip, expected)
        if number % max(1, jobs // 10) == 0:
            print(f"  after {number}: {own(process):.1f} MB, {memory(process):.0f} MB", flush=True)


def own(process: int) -> float:
    """MB of one process."""
    rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024


def memory(process: int) -> float:
    """MB of a process and all below it."""
    total, left = 0.0, [process]
    while left:
        number = left.pop()
        try:
            total += own(number)
            for task in Path(f"/proc/{number}/task").iterdir():
                left += [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has ended
            continue
    return total


if __name__ == "__main__":
    main()
