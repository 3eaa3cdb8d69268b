"""Make the README's pictures from the generated example clip: `make pictures`.

Each is made by `dpa segment` with the embedded default; nothing is drawn by hand.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image

import dpa
from dpa.example import Scene, write_clip

SHOWN = (6, 24, 42)  # frames of the clip
WIDTH = 1200  # pixels of a finished picture
KINDS = ("mask", "soft", "overlay", "rgba", "green", "strip")
GAP = 6


def main(folder: Path) -> None:
    """Write strip.jpg (frame, flow, mask, overlay of three frames), kinds.jpg (a frame, then every kind)."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        clip = Path(place) / "clip.mp4"
        write_clip(clip, Scene())
        dpa.Segmenter().write(clip, [(Path(place) / kind, kind) for kind in KINDS])
        made = {kind: sorted((Path(place) / kind).glob("*.png")) for kind in KINDS}
        strips = [_open(made["strip"][index]) for index in SHOWN]
        _save(_grid(strips, columns=1), folder / "strip.jpg")
        strip = strips[1]
        frame = strip.crop((0, 0, strip.width // 4, strip.height))
        kinds = [_open(made[kind][SHOWN[1]]) for kind in KINDS if kind != "strip"]
        _save(_grid([frame, *kinds], columns=3), folder / "kinds.jpg")


def _open(path: Path) -> Image.Image:
    """A picture as RGB; transparency is shown on a checkerboard."""
    picture = Image.open(path)
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    board = Image.new("RGB", (2, 2), (255, 255, 255))
    board.putpixel((0, 1), (215, 215, 215))
    board.putpixel((1, 0), (215, 215, 215))
    behind = Image.new("RGB", picture.size)
    tile = board.resize((24, 24), Image.Resampling.NEAREST)
    for x in range(0, picture.width, 24):
        for y in range(0, picture.height, 24):
            behind.paste(tile, (x, y))
    behind.paste(picture, mask=picture.getchannel("A"))
    return behind


def _grid(pictures: list[Image.Image], columns: int) -> Image.Image:
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    size = (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP)
    grid = Image.new("RGB", size, (255, 255, 255))
    for index, picture in enumerate(pictures):
        grid.paste(picture, ((index % columns) * (width + GAP), (index // columns) * (height + GAP)))
    return grid


def _save(picture: Image.Image, path: Path) -> None:
    height = round(picture.height * WIDTH / picture.width)
    picture.resize((WIDTH, height), Image.Resampling.LANCZOS).save(path, quality=88)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
