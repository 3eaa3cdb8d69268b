"""How true the edge of a cut-out is at 1920 x 1080, where alpha is known: the ramp against the refined alpha.

    python benchmarks/edges.py [--frames 48] [--stills DIR] [--limit 40] [--pictures DIR]

The clip of `dpa example` at 1080p goes through the whole engine. Stills with masks (DIR/RGB, DIR/GT), whose
objects are cut out, smoothed, enlarged and put before another still, are composites of known alpha too; for
them the network's part is played by their alpha at 512 x 288, blurred, as no motion is known. The table has,
per 1000 pixels of the object, the sum of absolute differences of alpha (SAD) and of squared ones of its
gradient; and F of the boundary with a tolerance of 3 pixels.
"""

import argparse
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dpa.engine.refine import refined
from dpa.engine.segmenter import Segmenter
from dpa.evaluate.ghosts import ghost_share
from dpa.evaluate.measures import boundary
from dpa.example.clip import write_clip
from dpa.example.scene import Scene
from dpa.video.images import read_image
from dpa.video.write.matte import before_colour, ramp

HEIGHT, WIDTH = 1080, 1920
NETWORK = (512, 288)
TOLERANCE = 3
BACKGROUNDS = ((255, 255, 255), (0, 0, 0), (255, 0, 255))


class Case(NamedTuple):
    """A picture, its true alpha (uint8), and what was found: probability, and refined alpha."""

    image: np.ndarray
    alpha: np.ndarray
    probability: np.ndarray
    refined: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=48, help="of the clip; with fewer, the dog runs faster")
    parser.add_argument("--stills", type=Path)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    print("| composites | alpha | F, 3 px | SAD | gradient | ghosts, % |")
    print("|---|---|---|---|---|---|")
    report("example clip", clip(args.frames), args.pictures)
    if args.stills is not None:
        report("stills", stills(args.stills, args.limit), args.pictures)


def report(name: str, cases: Iterator[Case], pictures: Path | None) -> None:
    """Prints two rows, and writes a picture of the first cases."""
    found: dict[str, list[list[float]]] = {"ramp": [], "refined": []}
    for index, case in enumerate(cases):
        for way, alpha in (("ramp", ramp(case.probability)), ("refined", case.refined)):
            found[way].append([*errors(alpha, case.alpha), 100 * ghost_share(alpha)])
        if pictures is not None and index < 3:
            pictures.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(pictures / f"{name.split()[0]}_{index}.jpg"), picture(case)[:, :, ::-1])
    for way, rows in found.items():
        f, sad, gradient, ghosts = np.mean(rows, axis=0)
        print(f"| {name} | {way} | {100 * f:.1f} | {sad:.1f} | {gradient:.1f} | {ghosts:.2f} |", flush=True)


def errors(alpha: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Boundary F with a tolerance of 3 pixels; SAD and gradient error per 1000 pixels of the object."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE + 1, 2 * TOLERANCE + 1))
    ours, theirs = boundary(alpha > 127), boundary(truth > 127)
    precision = np.count_nonzero(ours & cv2.dilate(theirs, disk)) / max(np.count_nonzero(ours), 1)
    recall = np.count_nonzero(theirs & cv2.dilate(ours, disk)) / max(np.count_nonzero(theirs), 1)
    f = 2 * precision * recall / max(precision + recall, 1e-9)
    area = truth.sum() / 255 / 1000
    found, true = alpha / np.float32(255), truth / np.float32(255)
    sad = float(np.abs(found - true).sum()) / area
    gradient = float(np.square(_gradient(found) - _gradient(true)).sum()) / area
    return f, sad, gradient


def _gradient(alpha: np.ndarray) -> np.ndarray:
    """Its size, after a Gaussian of 1.4 pixels (Rhemann et al., CVPR 2009)."""
    smooth = cv2.GaussianBlur(alpha, (0, 0), 1.4)
    return cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) / 8


def clip(frames: int) -> Iterator[Case]:
    """The example's clip, segmented."""
    scene = Scene(HEIGHT, WIDTH, frames)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, scene)
        for mask in Segmenter(device="cpu").masks(path):
            dog, _ = scene._place_dog(mask.index)
            truth = np.rint(dog.alpha * 255).astype(np.uint8)
            assert mask.alpha is not None
            yield Case(mask.frame.image, truth, mask.probability, mask.alpha)


def stills(folder: Path, limit: int) -> Iterator[Case]:
    """Objects of stills before other stills."""
    names = sorted(path.stem for path in (folder / "GT").iterdir())
    names = names[:: max(1, len(names) // (limit + 1))][: limit + 1]
    for name, other in pairwise(names):
        image, ground = (_enlarged(read_image(next((folder / "RGB").glob(f"{n}.*")))) for n in (name, other))
        mask = _enlarged(read_image(folder / "GT" / f"{name}.png")[:, :, 0])
        smooth = cv2.GaussianBlur(mask, (0, 0), 4).astype(np.float32)
        # A soft edge of about three pixels, and clear of the old background.
        alpha = np.clip((smooth - 150) * 3 + 127, 0, 255).astype(np.uint8)
        if not alpha.any() or alpha.all():
            continue
        share = alpha[:, :, None] / np.float32(255)
        mixed = np.rint(image * share + ground * (1 - share)).astype(np.uint8)
        small = cv2.resize(alpha, NETWORK, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        small = cv2.GaussianBlur(small, (0, 0), 1.5)
        yield Case(mixed, alpha, cv2.resize(small, (WIDTH, HEIGHT)), refined(small, mixed))


def _enlarged(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def picture(case: Case) -> np.ndarray:
    """The object's surroundings: the frame, then ramp and refined before white, black and a loud colour."""
    left, top, width, height = cv2.boundingRect(case.alpha)
    box = (slice(max(top - 40, 0), top + height + 40), slice(max(left - 40, 0), left + width + 40))
    rows = []
    for alpha in (ramp(case.probability), case.refined):
        parts = [before_colour(case.image, alpha, colour)[box] for colour in BACKGROUNDS]
        rows.append(np.hstack([case.image[box], *parts]))
    sheet = np.vstack(rows)
    scale = min(1, 2400 / sheet.shape[1])
    return cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
