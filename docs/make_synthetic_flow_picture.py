"""Make synthetic_flow.jpg of training.md: `python docs/make_synthetic_flow_picture.py docs/pictures`.

A frame of the generated example clip, its mask, and three synthetic flow pictures.
"""

import sys
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from dpa.example import Scene
from dpa.train.data.synthetic_flow import synthetic_flow_picture

FRAME = 24
SEEDS = (2, 5, 11)
HEIGHT, GAP = 220, 6


def main(folder: Path) -> None:
    """Write synthetic_flow.jpg: frame, mask, and what three seeds make of them."""
    folder.mkdir(parents=True, exist_ok=True)
    frame, mask = next(islice(Scene(), FRAME, None))
    ground_truth = (mask > 0).astype(np.float32)
    made = [synthetic_flow_picture(ground_truth, np.random.default_rng(seed)) for seed in SEEDS]
    white = np.repeat((ground_truth * 255).astype(np.uint8)[..., None], 3, axis=2)
    pictures = [Image.fromarray(p) for p in (frame, white, *made)]
    width = round(HEIGHT * pictures[0].width / pictures[0].height)
    row = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, HEIGHT), (255, 255, 255))
    for i, picture in enumerate(pictures):
        row.paste(picture.resize((width, HEIGHT), Image.Resampling.LANCZOS), (i * (width + GAP), 0))
    row.save(folder / "synthetic_flow.jpg", quality=88)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
