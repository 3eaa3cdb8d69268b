"""A second copy of a flat training set whose flow spans two or three frames instead of one.

    python examples/far_flow.py DAVIS_train DAVIS_both

DAVIS_both gets links to all pictures of DAVIS_train (which must have FLOW), and every sequence once more as
NAME-far, with DIS flow to the frame after the next (odd frames) or the one after that (even ones). Slow
objects then show in the flow, and fast ones fall to pieces, as in other people's videos.
"""

import argparse
from pathlib import Path

import cv2

from dpa.datasets.layout import FLOWS, IMAGES, MASKS, find_sequences
from dpa.flow.colour import flow_to_image
from dpa.flow.dis import DIS
from dpa.flow.stream import pair_flow
from dpa.train.data.read import read_image


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--size", type=int, default=512, help="longer side of the flow, pixels")
    args = parser.parse_args()
    for kind in (IMAGES, MASKS, FLOWS):
        (args.target / kind).mkdir(parents=True, exist_ok=True)
    estimator = DIS()
    for video in find_sequences(args.source, masks=True, flows=True):
        frames = [read_image(path) for path in video.images]
        for i, (image, mask, flow) in enumerate(zip(video.images, video.masks, video.flows, strict=True)):
            assert mask is not None
            assert flow is not None
            far = f"{video.name}-far_{i:05d}"
            for kind, path in ((IMAGES, image), (MASKS, mask), (FLOWS, flow)):
                _link(path, args.target / kind / path.name)
            _link(image, args.target / IMAGES / f"{far}{image.suffix}")
            _link(mask, args.target / MASKS / f"{far}{mask.suffix}")
            step = 2 if i % 2 else 3
            after = frames[i + step] if i + step < len(frames) else None
            before = frames[i - step] if i >= step else None
            picture = flow_to_image(pair_flow(estimator, frames[i], after, before, args.size))
            cv2.imwrite(str(args.target / FLOWS / f"{far}.jpg"), picture[..., ::-1])
        print(video.name, len(frames))


def _link(source: Path, target: Path) -> None:
    if not target.exists():
        target.symlink_to(source.resolve())


if __name__ == "__main__":
    main()
