"""Whether two checkouts make the same masks, overlays and flow pictures, to the bit.

    python benchmarks/compare_masks.py OTHER_CHECKOUT VIDEO... [--frames N] [--here="--refine off"]

Each video (a file, or a folder of frames) is segmented by both checkouts in several ways, each run in a
process of its own; then every file that the two have written is compared. Exit code 1 where one differs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

WAYS = {
    "segment": ["segment", "{video}", "-o", "{out}"],
    "every": ["segment", "{video}", "-o", "{out}", "--every", "4", "--smooth", "0"],
    "square": ["segment", "{video}", "-o", "{out}", "--flow", "dis-fast", "--normalise"],
    "flow": ["flow", "{video}", "{out}"],
}
"""Verbs by what they try; with options that both checkouts know."""


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("other", type=Path, help="another checkout: the folder that src/ is in")
    words.add_argument("videos", nargs="+", type=Path)
    words.add_argument("--frames", type=int, help="of each video, from its start; all by default")
    words.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    words.add_argument("--kinds", nargs="+", default=["mask", "soft", "overlay", "strip"])
    words.add_argument("--here", default="", help="words that only this checkout's segment gets")
    asked = words.parse_args()
    checkouts = {"this": Path(__file__).resolve().parents[1], "other": asked.other.resolve()}
    differing = 0
    for video in asked.videos:
        for way in asked.ways:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder)
                source = video if asked.frames is None else first(video, asked.frames, place / video.stem)
                for name, checkout in checkouts.items():
                    called = [word.format(video=source, out=place / name) for word in WAYS[way]]
                    if called[0] == "segment":
                        called += [word for kind in asked.kinds for word in ("--kind", kind)]
                        called += asked.here.split() if name == "this" else []
                    run(checkout, called)
                found, wrong = compare(place / "this", place / "other")
            print(f"{video.name} {way}: {found} files, {len(wrong)} differ {' '.join(wrong[:3])}", flush=True)
            differing += len(wrong) + (found == 0)
    return 1 if differing else 0


def first(video: Path, count: int, folder: Path) -> Path:
    """The first frames of a video, as PNG pictures in a folder."""
    import cv2

    from dpa.video.read import open_source

    folder.mkdir()
    with open_source(video) as source:
        for frame in islice(source.frames(), count):
            cv2.imwrite(str(folder / f"{frame.index:05d}.png"), frame.image[..., ::-1])
    return folder


def run(checkout: Path, words: list[str]) -> None:
    """One call of a checkout's command line."""
    subprocess.run(
        [sys.executable, "-c", "from dpa.cli import main; main()", *words],
        env=os.environ | {"PYTHONPATH": str(checkout / "src")},
        check=True,
        stderr=subprocess.DEVNULL,
    )


def compare(one: Path, other: Path) -> tuple[int, list[str]]:
    """How many files there are, and the names of those that differ or are missing on one side."""
    files = {p.relative_to(root) for root in (one, other) for p in root.rglob("*") if p.is_file()}
    pairs = {file: (one / file, other / file) for file in files}
    wrong = [
        str(file)
        for file, both in sorted(pairs.items())
        if not all(path.is_file() for path in both) or both[0].read_bytes() != both[1].read_bytes()
    ]
    return len(files), wrong


if __name__ == "__main__":
    sys.exit(main())
