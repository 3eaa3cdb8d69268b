"""What regions and refined edges cost a frame, on one thread, at 854 x 480 and 1920 x 1080.

    OMP_NUM_THREADS=1 python benchmarks/refine_cost.py FOLDER_OF_FRAMES... [--frames 12]

The network sees the first frames of each folder; then their masks are finished with `--refine auto` and `off`
in turn, three times each. Prints medians in milliseconds, beside the rate of a matrix product in float32.
"""

import argparse
import statistics
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dpa.engine import pipeline
from dpa.engine.config import SegmenterConfig
from dpa.engine.frame_data import FrameData
from dpa.engine.segmenter import Segmenter

SIZES = ((854, 480), (1920, 1080))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=12)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"matrix product: {rate():.0f} GFLOP/s")
    print("| frames | size | off | auto |")
    print("|---|---|---|---|")
    segmenter = Segmenter(threads=1)
    for folder in asked.folders:
        seen = known(segmenter, folder, asked.frames)
        for size in SIZES:
            off, auto = (cost(seen, size, replace(seen[0][1], refine=refine)) for refine in ("off", "auto"))
            print(f"| {folder} | {size[0]} x {size[1]} | {off:.1f} | {auto:.1f} |")


def rate(n: int = 512) -> float:
    """Billions of operations a second of a product of two (n, n) float32 matrices, the best of ten."""
    matrix, took = np.ones((n, n), np.float32), []
    for _ in range(10):
        start = time.perf_counter()
        _ = matrix @ matrix
        took.append(time.perf_counter() - start)
    return 2 * n**3 / min(took) / 1e9


def known(segmenter: Segmenter, folder: Path, count: int) -> list[tuple[FrameData, SegmenterConfig]]:
    """What the masks of the first frames are finished from."""
    seen, finish = [], pipeline.finish

    def kept(data: FrameData, config: SegmenterConfig):  # type: ignore[no-untyped-def]
        seen.append((data, config))
        return finish(data, config)

    pipeline.finish = kept
    try:
        list(islice(segmenter.masks(folder), count))
    finally:
        pipeline.finish = finish
    return seen[:count]


def cost(
    seen: list[tuple[FrameData, SegmenterConfig]], size: tuple[int, int], config: SegmenterConfig
) -> float:
    """Median milliseconds of a mask."""
    took = []
    for data, _ in 3 * seen:
        large = replace(data, frame=replace(data.frame, image=cv2.resize(data.frame.image, size)))
        start = time.perf_counter()
        pipeline.finish(large, config)
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took)


if __name__ == "__main__":
    main()
