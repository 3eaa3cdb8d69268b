"""Pictures on disk as a source: a folder, a glob, a list, or a single one."""

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dpa.errors import InputError
from dpa.video.frame import Frame, shown
from dpa.video.source import Source, stamp

_STILLS = ".jpg .jpeg .jpe .png .webp .bmp .tif .tiff .ppm .pgm .pnm .jp2 .avif .tga"
IMAGE_SUFFIXES = frozenset(_STILLS.split())
# What Pillow's readers raise where a file is damaged, see benchmarks/mutate.py.
BROKEN = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    NotImplementedError,
    struct.error,
    Image.DecompressionBombError,
)
_ORIENTATION_TAG = 0x0112
_TURNED = frozenset({5, 6, 7, 8})


class ImageSource(Source):
    """One picture or several of one size, in the order given.

    Args:
        paths: the pictures, at least one.
        name: what outputs are named after.
        rate: frames a second, where they have one: it gives the frames their times.
        alpha: whether transparency is kept; without it colours come as they are stored.
        unique: an error where two pictures have the same stem; otherwise outputs are then named by their
            index.

    Raises:
        InputError: where a picture cannot be read or differs in size from the first.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        name: str,
        rate: Fraction | None = None,
        unique: bool = False,
        alpha: bool = True,
    ) -> None:
        self.kind = "image" if len(paths) == 1 else "folder"
        self.name = name
        self.rate = rate
        self.time_base = None if rate is None else 1 / rate
        self._paths, self._alpha = list(paths), alpha
        self._named = _stems_differ(paths, unique)
        self.size = _shown_size(paths[0])
        for path in paths[1:]:
            size = _shown_size(path)
            if size != self.size:
                raise InputError(
                    f"{path} is {size[1]}x{size[0]} but {paths[0].name} is {self.size[1]}x{self.size[0]}: "
                    "all pictures of one run must have one size"
                )

    @property
    def count(self) -> int:
        return len(self._paths)

    @property
    def entries(self) -> Sequence[int]:
        return range(self.count)

    @property
    def version(self) -> str:
        return "\n".join(stamp(path, fetched=self.fetched is not None) for path in self._paths)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        for index in range(start, len(self._paths)):
            yield self._frame(index)

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        for index in indices:
            if not 0 <= index < self.count:
                raise InputError(f"{self.name} has {self.count} pictures, there is no picture {index}")
        for index in indices:
            yield self._frame(index), self._frame(index + 1) if index + 1 < self.count else None

    def frame_name(self, index: int) -> str:
        return self._paths[index].stem if self._named else super().frame_name(index)

    def reads(self, path: Path) -> bool:
        place = path.resolve()
        pictures = {picture.resolve() for picture in self._paths}
        return place in pictures or any(place in folder.parents for folder in pictures)

    def _frame(self, index: int) -> Frame:
        path = self._paths[index]
        with opened(path) as file:
            image, alpha = pixels(file, path)
        if image.shape[:2] != self.size:
            raise InputError(f"{path} changed its size while it was being read")
        time = None if self.rate is None else index / self.rate
        image, alpha = shown(image, alpha if self._alpha else None)
        return Frame(image, index, time, path.stem if self._named else None, alpha)


def read_image(path: Path) -> np.ndarray:
    """Reads a picture as (H, W, 3) uint8 RGB, upright by its EXIF orientation, its alpha dropped.

    Sixteen-bit grey is scaled to eight bits; of animations the first frame is taken.

    Raises:
        InputError: where the file is no picture, is damaged, or holds floating-point values.
    """
    with opened(path) as image:
        return pixels(image, path)[0]


def pixels(image: Image.Image, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours, (H, W, 3) uint8 RGB, and alpha, (H, W) uint8 or None, of the frame where `image` stands.

    Raises:
        InputError: where it is damaged, or holds floating-point values.
    """
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode == "F":
            raise InputError(f"{path} holds floating-point values: save it with 8 or 16 bits")
        if image.mode.startswith("I"):
            grey = np.asarray(image)
            # Pillow gives sixteen-bit files in 16 or 32 bits, depending on the format.
            grey = np.clip(grey.astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2), None
        if image.has_transparency_data:
            both = np.array(image.convert("RGBA"))
            return both[:, :, :3].copy(), both[:, :, 3].copy()
        return np.array(image.convert("RGB")), None
    except BROKEN as error:
        raise InputError(f"{path} is damaged: the picture cannot be decoded ({error})") from error


def opened(path: Path) -> Image.Image:
    """The file as Pillow opens it.

    Raises:
        InputError: where it is not there, or no picture.
    """
    try:
        return Image.open(path)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a picture that can be read: remove it or convert it to PNG"
        ) from error
    except BROKEN as error:
        raise InputError(f"{path} cannot be read ({error})") from error


def _shown_size(path: Path) -> tuple[int, int]:
    with opened(path) as image:
        # Pillow turns TIFF files by itself, and says the turned size.
        # Its PNG reader would decode every picture to see whether an orientation comes last.
        try:
            exif = Image.Image.getexif(image)
        except BROKEN as error:
            raise InputError(f"{path} is damaged: its EXIF data cannot be read ({error})") from error
        turned = image.format != "TIFF" and exif.get(_ORIENTATION_TAG) in _TURNED
        return (image.width, image.height) if turned else (image.height, image.width)


def _stems_differ(paths: Sequence[Path], unique: bool) -> bool:
    seen: dict[str, Path] = {}
    for path in paths:
        other = seen.setdefault(path.stem, path)
        if other is not path and unique:
            raise InputError(
                f"{other} and {path.name} would both give a mask named {path.stem}: "
                "keep one of them in the folder"
            )
        if other is not path:
            return False
    return True
