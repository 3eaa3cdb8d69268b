"""FBMS-59 in small: frames as JPEG, regions as grey or coloured netpbm pictures, a list for each sequence."""

from pathlib import Path

import numpy as np
from archive_samples import FBMS, save, scene, square

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def regions(index: int, background: tuple[int, int, int], step: int = 4) -> np.ndarray:
    """(H, W, 3) uint8: two regions of their own colours on a ground of another."""
    picture = np.full((*FBMS, 3), background, np.uint8)
    mask = square(index, FBMS, step)
    picture[mask] = (255, 0, 0)
    lower = mask.copy()
    lower[: FBMS[0] // 3 + FBMS[0] // 8] = False
    picture[lower] = (0, 0, 255)
    return picture


def def_dat(sequence: str, frames: int, annotated: list[int], suffix: str) -> str:
    """The list of a sequence: frames are counted from 0, files from 1."""
    lines = ["Total number of regions:", "3", "Confusion penality matrix:", "0 1 1", "1 0 1", "1 1 0"]
    lines += ["Number of frames in the shot:", str(frames), "Total number of labeled frames:"]
    lines.append(str(len(annotated)))
    for number in annotated:
        lines += ["Frame number:", str(number - 1), "File name:", f"{sequence}_{number:02d}_gt{suffix}"]
        lines += ["Input file name:", f"{sequence}_{number:02d}.ppm"]
    return "\n".join(lines) + "\n"


def fbms(root: Path, step: int = 4) -> Path:
    """Two sequences of the training set, one with coloured and one with grey regions, and one for testing."""
    made = (
        ("Trainingset", "cars2", 5, [1, 5], ".ppm", WHITE),
        ("Trainingset", "cars_10", 3, [1], ".pgm", BLACK),
        ("Testset", "marple2", 4, [1, 4], ".ppm", WHITE),
    )
    for split, sequence, frames, annotated, suffix, background in made:
        folder = root / split / sequence
        for number in range(1, frames + 1):
            save(folder / f"{sequence}_{number:02d}.jpg", scene(number, FBMS, step))
        for number in annotated:
            picture = regions(number, background, step)
            path = folder / "GroundTruth" / f"{sequence}_{number:02d}_gt{suffix}"
            save(path, picture if suffix == ".ppm" else picture.max(axis=2) // 2)
        (folder / "GroundTruth" / f"{sequence}Def.dat").write_text(
            def_dat(sequence, frames, annotated, suffix)
        )
    return root
