"""Peak memory of `dpa segment` on a short and on a long video: it must not grow with the length.

    python benchmarks/memory.py [--size 320x180] [--frames 200 2000] [-- options of dpa segment]

Makes both videos, segments each in a process of its own, and prints the peak of its resident memory. Exits
with 1 where the two differ by more than a tenth.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ALLOWED = 1.1
# What ru_maxrss counts in.
UNIT = 1 if sys.platform == "darwin" else 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", default="320x180", help="WIDTHxHEIGHT")
    parser.add_argument("--frames", type=int, nargs=2, default=(200, 2000), metavar=("SHORT", "LONG"))
    parser.add_argument("options", nargs="*", help="of dpa segment, after --")
    settings = parser.parse_args()
    width, height = map(int, settings.size.split("x"))
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for frames in settings.frames:
            video = make_video(Path(folder) / f"{frames}.mp4", frames, width, height)
            peaks.append(peak_of(video, Path(folder) / f"{frames}", settings.options))
            print(f"{frames} frames of {width}x{height}: peak {peaks[-1] / 2**20:.1f} MiB", flush=True)
    ratio = peaks[1] / peaks[0]
    print(f"ratio {ratio:.3f}, at most {ALLOWED} is allowed")
    sys.exit(not 1 / ALLOWED <= ratio <= ALLOWED)


def make_video(path: Path, frames: int, width: int, height: int) -> Path:
    """A textured square that goes round over a textured ground."""
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 120, (height, width, 3), dtype=np.uint8)
    side = height // 3
    thing = rng.integers(150, 255, (side, side, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            image = ground.copy()
            x = round((width - side) * (0.5 + 0.5 * np.cos(index / 20)))
            y = round((height - side) * (0.5 + 0.5 * np.sin(index / 20)))
            image[y : y + side, x : x + side] = thing
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    return path


def peak_of(video: Path, output: Path, options: list[str]) -> int:
    """Bytes of resident memory that `dpa segment` took at most."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dpa", "segment", str(video), "-o", str(output), *options]
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    return usage.ru_maxrss * UNIT


if __name__ == "__main__":
    main()
