"""A very long video: memory must stay flat and times exact to the end.

    python benchmarks/long_video.py [--hours 24] [--every 8] [--cuts 0] [--rate 30000/1001]

Frames are made on the way (no file holds a day), the network is a stub
(tests/engine_samples.py), and what comes out is an MP4 and COCO annotations. Prints resident memory as the
run goes on; exits with 1 where it grows by more than a tenth after the first twentieth, the MP4's own index
left out, or a time is not exact.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
for name in ("tests", "tests/video"):
    sys.path.insert(0, str(REPOSITORY / name))

from dpa.engine.segmenter import Segmenter  # noqa: E402
from dpa.video import Frame, Source  # noqa: E402
from engine_samples import FakeBackend, image  # noqa: E402

ALLOWED = 1.1
INDEX = 72 / 2**20  # MiB a frame that FFmpeg keeps of an MP4 until it is whole


class MadeSource(Source):
    """Frames that are made when they are asked for."""

    kind, name = "video", "made"
    size = (64, 96)

    def __init__(self, count: int, cuts: int, rate: Fraction) -> None:
        self.rate, self.time_base = rate, 1 / rate
        self._count, self._length = count, -(-count // (cuts + 1))
        self.shots = -(-count // self._length)
        tints = [(1, 1, 1), (1, 6, 1), (8, 1, 1)]
        self._scenes = [[self._made(index, tint) for index in range(100)] for tint in tints]

    @property
    def count(self) -> int:
        return self._count

    def frames(self, start: int = 0) -> Iterator[Frame]:
        for index in range(start, self._count):
            yield self._frame(index)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        for index in indices:
            yield self._frame(index), self._frame(index + 1) if index + 1 < self._count else None

    def _frame(self, index: int) -> Frame:
        return Frame(self._scenes[index // self._length % 3][index % 100], index, index / self.rate)

    @staticmethod
    def _made(index: int, tint: tuple[int, int, int]) -> np.ndarray:
        """A picture of a scene: its ground has a tint, and grows dark and light again: no loop is a cut."""
        plain = image(index)
        ground = np.clip((25 + abs(index - 50) / 5) * np.array(tint), 0, 200)
        return np.where(plain > 200, plain, ground).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--cuts", type=int, default=0, help="evenly spread")
    parser.add_argument("--no-movie", action="store_true", help="annotations only")
    parser.add_argument("--rate", type=Fraction, default=Fraction(30000, 1001), help="frames a second")
    settings = parser.parse_args()
    count = round(settings.hours * 3600 * settings.rate)
    segmenter = Segmenter(
        backend=FakeBackend(),
        flow="dis-ultrafast",
        flow_size=96,
        every=settings.every,
        shots="auto" if settings.cuts else "off",
    )
    memory: list[tuple[int, float]] = []
    start = time.monotonic()

    def progress(done: int, total: int | None) -> None:
        if done % max(1, count // 20) == 0 and done:
            segmenter.backend.calls.clear()
            segmenter.backend.groups.clear()
            memory.append((done, _resident()))
            print(f"| {float(done / settings.rate / 3600):.2f} | {memory[-1][1]:.1f} |", flush=True)

    print("| hours | MiB |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder) / "out.mp4"
        outputs = [(Path(folder) / "out.json", "coco"), (movie, "overlay")]
        source = MadeSource(count, settings.cuts, settings.rate)
        summary = segmenter.write(source, outputs[: 1 if settings.no_movie else 2], progress=progress)
        exact = settings.no_movie or _is_exact(movie, count, settings.rate)
    index = 0 if settings.no_movie else INDEX
    first, last = (resident - index * done for done, resident in (memory[0], memory[-1]))
    growth = last / first
    print(f"{count} frames in {time.monotonic() - start:.0f} s, {settings.every=}")
    print(f"{len(summary.shots)} shots found, {source.shots} made")
    print(f"memory: {growth:.3f} of what it was after a twentieth, without the index; times exact: {exact}")
    sys.exit(growth > ALLOWED or not exact or len(summary.shots) != source.shots)


def _is_exact(movie: Path, count: int, rate: Fraction) -> bool:
    with av.open(str(movie)) as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts * packet.time_base for packet in container.demux(stream) if packet.size)
    return len(times) == count and all(at == index / rate for index, at in enumerate(times))


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
