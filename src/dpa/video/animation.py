"""Animated pictures as a source: GIF, APNG, animated WebP and AVIF, TIFF files with several pages."""

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from pathlib import Path

# These by name: asked for a format that it does not know yet, Pillow loads the plugins of all, for 0.05 s.
from PIL import AvifImagePlugin, Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401

from dpa.errors import InputError, TruncatedError
from dpa.video.frame import Frame, shown
from dpa.video.images import BROKEN, IMAGE_SUFFIXES, opened, pixels
from dpa.video.source import Source

_FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
# Players show frames that are to last no time, or nearly none, for so long.
_SHORTEST, _USUAL = 10, 100
_UNIT = Fraction(1, 1000)


class AnimationSource(Source):
    """A picture file with several frames, each as it is shown: on top of those before it.

    Args:
        path: the file.
        rate: frames a second, where the file has no durations (TIFF).
        alpha: whether transparency is kept; without it colours come as they are stored.

    Raises:
        InputError: where the file cannot be read.
    """

    kind = "video"

    def __init__(self, path: Path, rate: Fraction | None = None, alpha: bool = True) -> None:
        self.name = path.stem
        self._path, self._alpha = path, alpha
        with opened(path) as image:
            self.size = (image.height, image.width)
            self._timed = image.format != "TIFF"
            self._frames = _count(image)
        if not self._timed:
            self.kind = "folder"
        self.time_base = _UNIT if self._timed else (1 / rate if rate else None)
        self._given = rate

    @property
    def count(self) -> int:
        return self._frames

    @property
    def rate(self) -> Fraction | None:  # type: ignore[override]
        """Frames a second on average."""
        if not self._timed:
            return self._given
        return Fraction(self._frames, 1) / (self._times[-1] * _UNIT)

    def frames(self, start: int = 0) -> Iterator[Frame]:
        yield from self._read(range(start, self._frames))

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        for index in indices:
            if not 0 <= index < self._frames:
                raise InputError(f"{self._path} has {self._frames} frames, there is no frame {index}")
        for index in indices:
            both = list(self._read(range(index, min(index + 2, self._frames))))
            yield both[0], both[1] if len(both) > 1 else None

    def reads(self, path: Path) -> bool:
        return path.resolve() == self._path.resolve()

    def _read(self, indices: range) -> Generator[Frame, None, None]:
        with opened(self._path) as image:
            for index in indices:
                try:
                    image.seek(index)
                    colours, alpha = pixels(image, self._path)
                except (*BROKEN, InputError) as error:
                    raise TruncatedError(
                        f"{self._path} is cut off or damaged: {self._frames - index} of {self._frames} "
                        "frames could not be decoded"
                    ) from error
                if colours.shape[:2] != self.size:
                    raise TruncatedError(
                        f"{self._path}: its page {index + 1} is of another size than its first: pages of one "
                        "run must have one size"
                    )
                colours, alpha = shown(colours, alpha if self._alpha else None)
                yield Frame(colours, index, self._time(index), alpha=alpha)

    def _time(self, index: int) -> Fraction | None:
        if self._timed:
            return self._times[index] * _UNIT
        return None if self._given is None else index / self._given

    @cached_property
    def _times(self) -> list[int]:
        """When each frame starts, and the last one ends, in milliseconds."""
        times = [0]
        with opened(self._path) as image:
            for index in range(self._frames):
                try:
                    image.seek(index)
                    image.load()
                    duration = round(image.info.get("duration") or 0)
                except BROKEN:
                    duration = 0
                times.append(times[-1] + (duration if duration > _SHORTEST else _USUAL))
        return times


def is_still(path: Path) -> bool:
    """Whether a file is to be read as a picture or an animation: what it holds decides, not its name."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return _format(path, None) is not None or not _is_film(path)
    return _format(path, _FORMATS) is not None


def is_animation(path: Path) -> bool:
    """Whether a picture file holds several frames of one size."""
    if _format(path, _FORMATS) is None:
        return False
    with opened(path) as image:
        return _count(image) > 1


def _count(image: Image.Image) -> int:
    """Frames of a file; as many as can be found where it is damaged, at least one."""
    try:
        return int(getattr(image, "n_frames", 1))
    except BROKEN:
        return 1


def _format(path: Path, formats: tuple[str, ...] | None) -> str | None:
    try:
        with Image.open(path, formats=formats) as image:
            return image.format
    except BROKEN:
        return None


def _is_film(path: Path) -> bool:
    """Whether the first bytes are those of a common video container: MP4, Matroska, AVI."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] in (b"ftyp", b"moov") or head[:4] == b"\x1aE\xdf\xa3" or head[8:12] == b"AVI "
