"""Small masks with known scores, written as the public data sets lay them out."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

SHAPE = (40, 60)
PALETTE = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]  # the first colours of DAVIS


def square(left: int, top: int = 10, side: int = 10, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A square object: two of them at `left` 0 and 5 have J = 50 / 150."""
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


EMPTY = np.zeros(SHAPE, bool)


def save(path: Path, values: np.ndarray) -> Path:
    """bool as 0 / 255, integers as they are, in 8 or 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = values.astype(np.uint8) * 255 if values.dtype == bool else values
    Image.fromarray(array).save(path)
    return path


def save_ids(path: Path, ids: np.ndarray) -> Path:
    """A palette PNG as DAVIS-2017 has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids.astype(np.uint8), mode="P")
    image.putpalette(PALETTE + [90, 60, 30] * 251 + [224, 224, 192])
    image.save(path)
    return path


def masks_of(root: Path, sequences: Mapping[str, Iterable[np.ndarray]]) -> Path:
    """`ROOT/SEQ/SEQ_00000.png`, as `dpa segment` writes masks of a folder of frames."""
    for name, masks in sequences.items():
        for index, mask in enumerate(masks):
            save(root / name / f"{Path(name).name}_{index:05d}.png", mask)
    return root


def dataset_of(root: Path, sequences: Mapping[str, Iterable[np.ndarray]], frames: bool = False) -> Path:
    """`ROOT/SEQ/GT/SEQ_00000.png`, the layout of METHOD.md; with `RGB/*.jpg` if asked for."""
    for name, masks in sequences.items():
        for index, mask in enumerate(masks):
            file = f"{Path(name).name}_{index:05d}"
            save(root / name / "GT" / f"{file}.png", mask)
            if frames:
                save(root / name / "RGB" / f"{file}.jpg", frame_of(mask))
    return root


def frame_of(mask: np.ndarray) -> np.ndarray:
    """A textured object on a textured ground, (H, W, 3) uint8; the object's texture moves with it."""
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 80, (*mask.shape, 3), dtype=np.uint8)
    y, x = np.nonzero(mask)
    if y.size:
        texture = rng.integers(120, 255, (mask.shape[0], mask.shape[1], 3), dtype=np.uint8)
        frame[y, x] = texture[y - y.min(), x - x.min()]
    return frame
