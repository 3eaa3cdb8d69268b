"""Pictures and masks of a data set, decoded no larger than they are needed."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dpa.errors import InputError, UnreadableError
from dpa.train.data.augment import View

# JPEG decoders give these parts of the full size at a fraction of the cost.
_REDUCED = {
    8: cv2.IMREAD_REDUCED_COLOR_8,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    1: cv2.IMREAD_COLOR,
}


Files = tuple[Path, Path, Path | None]
"""Image, mask and flow picture."""
Key = tuple[Path, Path, Path | None, int]
"""The same and the part of the size at which they are decoded."""


class Reader:
    """Reads training pictures; keeps them decoded in memory if asked.

    Args:
        cache: bytes that are kept. What has come first stays: in epochs, nothing is a better guess.
        crop: largest share of a side that augmentation takes away: what remains must not be enlarged.
    """

    def __init__(self, cache: int = 0, crop: float = 0.0) -> None:
        self.room, self.crop = cache, crop
        self._kept: dict[Key, View] = {}

    def __call__(self, image: Path, mask: Path, flow: Path | None = None, *, size: tuple[int, int]) -> View:
        """See `read_view`; decoded at a half, a quarter or an eighth where `size` (H, W) needs no more."""
        reduced = self._reduction(image, size)
        key = (image, mask, flow, reduced)
        if key in self._kept:
            return self._kept[key]
        view = read_view(image, mask, flow, reduced)
        self._keep(key, view)
        return view

    def fill(self, files: Iterable[Files], size: tuple[int, int]) -> None:
        """Read pictures ahead, by many threads, until the memory is full; workers share what is kept.

        Args:
            files: image, mask, and flow picture or None; those that cannot be read are left for later.
            size: (H, W) that they are needed at.
        """
        keys = [(*three, self._reduction(three[0], size)) for three in files]
        with ThreadPoolExecutor() as pool:
            for key, view in zip(keys, pool.map(_readable, keys), strict=True):
                if view is not None:
                    self._keep(key, view)

    def _keep(self, key: Key, view: View) -> None:
        need = sum(p.nbytes for p in (view.image, view.mask, view.flow) if p is not None)
        if key not in self._kept and need <= self.room:
            self.room -= need
            self._kept[key] = view

    def _reduction(self, path: Path, size: tuple[int, int]) -> int:
        if path.suffix.lower() not in (".jpg", ".jpeg"):
            return 1
        try:
            with Image.open(path) as header:
                w, h = header.size
        except (OSError, ValueError):
            return 1  # the decoder says what is wrong with it
        spare = min(h / size[0], w / size[1]) * (1 - self.crop)
        return max(r for r in _REDUCED if r <= max(1, spare))


def _readable(key: Key) -> View | None:
    try:
        return read_view(*key)
    except InputError:
        return None


def read_view(image: Path, mask: Path, flow: Path | None = None, reduced: int = 1) -> View:
    """A picture with its mask and flow picture, all of the picture's size.

    Args:
        image, mask, flow: files.
        reduced: 1, 2, 4 or 8: decode at this part of the size.

    Raises:
        UnreadableError: a file cannot be decoded.
        InputError: the mask is not of the picture's size.
    """
    picture, ground_truth = read_image(image, reduced), read_mask(mask)
    h, w = picture.shape[:2]
    # A reduced picture's sides are rounded up.
    if not all(
        0 <= small * reduced - full < reduced for small, full in zip((h, w), ground_truth.shape, strict=True)
    ):
        sizes = " and ".join(f"{w}x{h}" for h, w in (ground_truth.shape, (h * reduced, w * reduced)))
        raise InputError(f"{mask}: mask and picture {image.name} differ in size: {sizes}")
    if ground_truth.shape != (h, w):
        small = cv2.resize(ground_truth, (w, h), interpolation=cv2.INTER_AREA)
        ground_truth = np.where(small > 127, np.uint8(255), np.uint8(0))
    if flow is None:
        return View(picture, ground_truth)
    # Flow is often computed on smaller frames (`dpa flow --size`); crops must take the same part of both.
    drawn = read_image(flow)
    if drawn.shape[:2] != (h, w):
        drawn = cv2.resize(drawn, (w, h), interpolation=cv2.INTER_LINEAR)
    return View(picture, ground_truth, drawn)


def read_image(path: Path, reduced: int = 1) -> np.ndarray:
    """(H, W, 3) uint8, RGB.

    Args:
        path: of the file.
        reduced: 1, 2, 4 or 8: decode at this part of the size.

    Raises:
        UnreadableError: the file cannot be decoded.
    """
    image = cv2.imread(str(path), _REDUCED[reduced])
    if image is None:
        raise UnreadableError(path, "cannot be read as a picture")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_mask(path: Path) -> np.ndarray:
    """(H, W) uint8, 0 or 255: any value above 0 is the object.

    Raises:
        UnreadableError: the file cannot be decoded.
    """
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise UnreadableError(path, "cannot be read as a mask")
    return np.where(mask > 0, np.uint8(255), np.uint8(0))
