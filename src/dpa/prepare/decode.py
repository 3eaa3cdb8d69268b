"""Pictures of an archive, decoded strictly: a cut-off file is an error, not a half-grey picture."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from dpa.errors import InputError
from dpa.prepare.archive import Member
from dpa.video.images import BROKEN


def open_picture(member: Member, data: bytes) -> Image.Image:
    """A picture, decoded to its end.

    Args:
        member: names it in errors.
        data: the file.

    Raises:
        InputError: it is no picture, or damaged.
    """
    try:
        picture = Image.open(BytesIO(data))
        picture.load()
    except BROKEN as error:
        raise InputError(f"{member}: cannot be read as a picture ({error})") from error
    return picture


def rgb(picture: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8, upright by the picture's EXIF orientation, as all readers of this package have it."""
    return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def labels(picture: Image.Image) -> np.ndarray:
    """What tells the regions of an annotation apart: (H, W) int32.

    Palette and sixteen-bit pictures give their numbers; others 0xRRGGBB, so 0 is black and 0xFFFFFF is white.
    """
    if picture.mode == "P" or picture.mode.startswith("I"):
        return np.asarray(picture).astype(np.int32)
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB")).astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue
