"""A full disk, for each kind of output: one sentence, exit code 1, and nothing that has its final name.

    python benchmarks/full_disk.py [--seconds 200] [--only out.mp4 out.webm ...]

Mounts a small tmpfs (in a user namespace, by `unshare -rm`; Linux only) of a random size, from a page to what
the whole output takes, and writes there. The network is a stub (tests/engine_samples.py). Prints a table;
exits with 1 where something was not so.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
for name in ("tests", "tests/video"):
    sys.path.insert(0, str(REPOSITORY / name))

OUTPUTS = {
    "out": "mask",
    "out.mp4": "overlay",
    "out.mov": "alpha",
    "out.webm": "alpha",
    "out.webp": "alpha",
    "out.apng": "alpha",
    "out.gif": "alpha",
    "out.json": "coco",
}
_SCRIPT = 'mount -t tmpfs -o size="$1" none "$2" && cd "$2" && shift 2 && "$@"; code=$?; ls -A; exit $code'


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--only", nargs="+", choices=list(OUTPUTS))
    settings = parser.parse_args()
    kinds = settings.only or list(OUTPUTS)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    wrong: list[str] = []
    rng = random.Random(0)
    from video_samples import make_video

    with tempfile.TemporaryDirectory() as folder:
        # Noise takes room.
        noise = np.random.default_rng(0).integers(0, 255, (12, 96, 160, 3), np.uint8)
        noise[:, 30:60, 40:80] = 255
        clip = make_video(Path(folder) / "clip.mkv", list(noise), codec="ffv1", pixel_format="bgr0")
        disk = Path(folder) / "disk"
        disk.mkdir()
        whole = {kind: size_of(kind, clip, Path(folder)) for kind in kinds}
        end = time.monotonic() + settings.seconds
        while time.monotonic() < end:
            for kind in kinds:
                # A tmpfs counts pages.
                size = 4096 * rng.randint(1, max(1, whole[kind] // 4096 + 2))
                outcome = attempt(kind, clip, disk, size)
                counts[kind][outcome.partition(":")[0]] += 1
                if outcome.startswith("wrong"):
                    wrong.append(f"{kind} on a disk of {size} bytes: {outcome}")
    print("| output | disks | had room | full, and said so | wrong |")
    print("|---|---|---|---|---|")
    for kind, count in counts.items():
        print(f"| {kind} | {count.total()} | {count['written']} | {count['full']} | {count['wrong']} |")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


def attempt(kind: str, clip: Path, disk: Path, size: int) -> str:
    """Writes one output onto a disk of a size, and says what became of it."""
    words = ["sh", "-c", _SCRIPT, "sh", str(size), str(disk), *command(kind, clip)]
    done = subprocess.run(["unshare", "-rm", *words], capture_output=True, text=True, timeout=300)
    left = done.stdout.split()
    if done.returncode == 0:
        return "written" if left == [kind] else f"wrong: exit code 0, left {left}"
    sentence = (done.stderr.splitlines() or [""])[-1]
    if done.returncode != 1 or "Traceback" in done.stderr or "disk is full" not in sentence:
        return f"wrong: exit code {done.returncode}: {done.stderr[-300:]}"
    if kind in left or any(not name.endswith(".part") for name in left):
        return f"wrong: left {left}"
    return "full"


def size_of(kind: str, clip: Path, folder: Path) -> int:
    """Bytes that a whole output takes on a disk."""
    place = folder / "whole"
    place.mkdir(exist_ok=True)
    subprocess.run(command(kind, clip), cwd=place, check=True, capture_output=True)
    path = place / kind
    files = list(path.iterdir()) if path.is_dir() else [path]
    return sum(-(-os.path.getsize(file) // 4096) * 4096 for file in files)


def command(kind: str, clip: Path) -> list[str]:
    """`dpa segment` with a stub for the network."""
    from engine_samples import program

    return [sys.executable, "-c", program(), "segment", str(clip), "-o", kind, "--kind", OUTPUTS[kind]]


if __name__ == "__main__":
    main()
