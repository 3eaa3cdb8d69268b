"""What writing costs: every kind of output beside its bare encoder, at 1920 x 1080.

    python benchmarks/kinds.py [--clip FILE] [--frames 48] [--rounds 3] [--encode fast] [--every 1]

Without a clip, one is made by `dpa example`'s scene. In every round each output is written in turn, start to
end; the masks alone; and each encoder alone: the same pictures, painted and converted before, from memory,
with the same settings. The table has medians over the rounds, milliseconds a frame. "limit" is what writing
may cost: 1.25 times the masks' own time and the bare encoder's together.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from dpa.engine.segmenter import Segmenter
from dpa.example.clip import write_clip
from dpa.example.scene import Scene
from dpa.video.read import open_source
from dpa.video.write.encoders import ENCODES, settings
from dpa.video.write.movie import ENCODINGS
from dpa.video.write.paint import painter

OUTPUTS = (
    ("masks", "mask"),
    ("rgba", "rgba"),
    ("overlay.mp4", "overlay"),
    ("green.mp4", "green"),
    ("alpha.webm", "alpha"),
    ("alpha.mov", "alpha"),
)
HELD = 12  # pictures that a bare encoder is fed with, forth and back: what fits into memory


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--frames", type=int, default=48, help="length of the clip that is made")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encode", choices=ENCODES, default=ENCODES[0])
    parser.add_argument("--every", type=int, default=1, help="the network sees every Nth frame")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or Path(folder) / "clip.mp4"
        if args.clip is None:
            write_clip(clip, Scene(1080, 1920, args.frames))
        measure(clip, Path(folder), args.rounds, args.encode, Segmenter(device=args.device, every=args.every))


def measure(clip: Path, folder: Path, rounds: int, encode: str, segmenter: Segmenter) -> None:
    """Measures and prints."""
    with open_source(clip) as source:
        count = source.count or 1
    bare = {name: _bare(clip, segmenter, name, kind, encode) for name, kind in OUTPUTS}
    whole: dict[str, list[float]] = {name: [] for name, _ in OUTPUTS}
    alone: dict[str, list[float]] = {name: [] for name, _ in OUTPUTS}
    nothing = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in segmenter.masks(clip):
            pass
        nothing.append((time.perf_counter() - start) * 1000 / count)
        for name, kind in OUTPUTS:
            start = time.perf_counter()
            segmenter.write(clip, [(folder / name, kind)], overwrite=True)
            whole[name].append((time.perf_counter() - start) * 1000 / count)
            alone[name].append(bare[name](count))
    own = statistics.median(nothing)
    print(
        f"{clip.name}: {count} frames, {rounds} rounds; {segmenter.engine}; "
        f"masks alone {own:.0f} ms a frame\n"
    )
    print("| output | frames/s | ms a frame | bare encoder, ms | limit, ms | KB a frame |")
    print("|---|---|---|---|---|---|")
    for name, _ in OUTPUTS:
        took, encoder = statistics.median(whole[name]), statistics.median(alone[name])
        path = folder / name
        files = list(path.iterdir()) if path.is_dir() else [path]
        size = sum(file.stat().st_size for file in files) / count / 1000
        limit = 1.25 * (own + encoder)
        print(f"| {name} | {1000 / took:.1f} | {took:.0f} | {encoder:.0f} | {limit:.0f} | {size:.0f} |")


def _bare(clip: Path, segmenter: Segmenter, name: str, kind: str, encode: str) -> Callable[[int], float]:
    """The encoder alone: takes a number of frames, gives milliseconds a frame."""
    paint, pictures = painter(kind), []
    for mask in segmenter.masks(clip):
        pictures.append(paint(mask.segmented))
        if len(pictures) == HELD:
            break
    suffix = Path(name).suffix
    if not suffix:
        return lambda count: _png(pictures, count)
    encoding = ENCODINGS[suffix, kind == "alpha"]
    frames = [_planes(picture, encoding.pixel_format) for picture in pictures]

    def run(count: int) -> float:
        context: Any = av.CodecContext.create(encoding.codec, "w")
        context.options = settings(encoding.codec, encode)
        context.width, context.height = frames[0].width, frames[0].height
        context.pix_fmt, context.time_base = encoding.pixel_format, Fraction(1, 25)
        context.thread_count = 0
        start = time.perf_counter()
        for index in range(count):
            frame = frames[_there_and_back(index, len(frames))]
            frame.pts = index
            context.encode(frame)
        context.encode(None)
        return (time.perf_counter() - start) * 1000 / count

    return run


def _planes(picture: np.ndarray, pixel_format: str) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, "rgb24" if picture.shape[2] == 3 else "rgba")
    return frame.reformat(
        format=pixel_format,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )


def _png(pictures: list[np.ndarray], count: int) -> float:
    start = time.perf_counter()
    for index in range(count):
        cv2.imencode(".png", pictures[_there_and_back(index, len(pictures))])
    return (time.perf_counter() - start) * 1000 / count


def _there_and_back(index: int, count: int) -> int:
    """0, 1, ... count - 1, count - 2, ... 0, 1: motion without a jump."""
    place = index % max(2 * count - 2, 1)
    return min(place, 2 * count - 2 - place) if count > 1 else 0


if __name__ == "__main__":
    main()
