"""Pictures and masks into `RGB/` and `GT/`: each written whole or not at all, what is there already kept."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from dpa.datasets.layout import IMAGES, MASKS
from dpa.errors import InputError, OutputError
from dpa.files import make_folder, write_whole
from dpa.prepare.archive import Member
from dpa.prepare.decode import open_picture, rgb
from dpa.prepare.masks import Rule
from dpa.prepare.records import Box, Entry

QUALITY = 95
"""Of JPEGs that are made here; a picture that is a JPEG already is copied byte for byte."""


@dataclass(frozen=True)
class Result:
    """What became of one frame.

    Attributes:
        part: the data set's name, see `dpa.prepare.records.Part`.
        state: "kept" if it was there already.
        problem: for "failed": a sentence that names the file.
    """

    part: str
    state: Literal["written", "kept", "failed"]
    problem: str = ""


@dataclass(frozen=True)
class Present:
    """Stems of the pictures and of the masks that are there already."""

    pictures: frozenset[str]
    masks: frozenset[str]


@dataclass(frozen=True)
class Shelf:
    """Where the files of one clip go.

    Attributes:
        folder: that RGB/ and GT/ are in.
    """

    folder: Path

    def image(self, name: str) -> Path:
        return self.folder / IMAGES / f"{name}.jpg"

    def mask(self, name: str) -> Path:
        return self.folder / MASKS / f"{name}.png"

    def present(self) -> Present:
        """What is there already."""
        return Present(
            frozenset(path.stem for path in (self.folder / IMAGES).glob("[!.]*.jpg")),
            frozenset(path.stem for path in (self.folder / MASKS).glob("[!.]*.png")),
        )

    def put(self, name: str, jpeg: bytes, mask: np.ndarray | None) -> None:
        """Write a frame.

        Args:
            name: without suffix.
            jpeg: the picture's file.
            mask: (H, W) bool; None where the frame is not annotated.

        Raises:
            OutputError: it cannot be written.
        """
        if mask is not None:
            _write(self.mask(name), mask_png(mask))
        _write(self.image(name), jpeg)


def write_entry(shelf: Shelf, entry: Entry, rule: Rule) -> None:
    """Write one picture of an archive, with its mask.

    Raises:
        InputError: the picture or its annotation cannot be read, or they differ in size.
        OutputError: they cannot be written.
    """
    data = entry.image.read()
    picture = open_picture(entry.image, data)
    image = rgb(picture)
    mask = None if entry.box is None else filled(entry.box, image.shape[:2])
    for member in (entry.mask, *entry.others):
        if member is not None:
            one = read_mask(member, rule)
            check_size(one, image, member)
            mask = one if mask is None else mask | one
    whole = picture.format == "JPEG" and picture.mode in ("L", "RGB")
    shelf.put(entry.name, data if whole else jpeg_of(image, entry.image), mask)


def read_mask(member: Member, rule: Rule) -> np.ndarray:
    """(H, W) bool.

    Raises:
        InputError: the annotation cannot be read.
    """
    return rule(open_picture(member, member.read()))


def filled(box: Box, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: the pixels of a box, as much of it as lies in the picture."""
    left, top, width, height = box
    mask = np.zeros(size, bool)
    rows = slice(max(0, round(top)), max(0, round(top + height)))
    mask[rows, max(0, round(left)) : max(0, round(left + width))] = True
    return mask


def check_size(mask: np.ndarray, image: np.ndarray, place: object) -> None:
    """Make sure that a mask is of its picture's size.

    Raises:
        InputError: it is not; the sentence begins with `place`.
    """
    if mask.shape != image.shape[:2]:
        sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (mask.shape, image.shape))
        raise InputError(f"{place}: mask and picture differ in size: {sizes}")


def jpeg_of(image: np.ndarray, place: object) -> bytes:
    """A JPEG of `QUALITY` from (H, W, 3) uint8 RGB."""
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise OutputError(f"{place}: the picture cannot be packed as JPEG")
    return data.tobytes()


def mask_png(mask: np.ndarray) -> bytes:
    """A PNG of one bit a pixel, white where the object is, from (H, W) bool."""
    data = BytesIO()
    Image.fromarray(mask).save(data, format="PNG")
    return data.getvalue()


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    write_whole(path, data)
