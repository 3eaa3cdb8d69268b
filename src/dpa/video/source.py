"""What every kind of input looks like to the rest of the package."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, cast

from dpa.errors import TruncatedError
from dpa.video.frame import Frame

if TYPE_CHECKING:
    from dpa.storage.ranges import Stored
    from dpa.video.hdr import ToneMap

FALLBACK_RATE = Fraction(25)


class Source(ABC):
    """A sequence of frames: a video file, pictures, a camera or a stream.

    Use it as a context manager, or call `close`. Frames come one at a time; nothing is piled up.

    Attributes:
        kind: "video", "folder" (several pictures), "image" (one picture) or "live".
        live: True where frames can be read once, in order, and their number is not known.
        name: what outputs are named after.
        size: (height, width) of every frame, as it is to be shown.
        rate: average frames a second; None where the source has none.
        start: time of the first frame in seconds on the source's own clock, which its sound shares.
        origin: time on that clock that outputs call 0. It is above 0 for transport streams and their like,
            whose clock starts anywhere.
        time_base: the unit of the source's timestamps in seconds; None where it has no timestamps.
        aspect: width of a pixel divided by its height, as it is to be shown.
        length: seconds after its origin at which the sound of a part of a file ends, which begins at the
            origin; None for whole files.
        path: the file that holds the sound too, for video files; None otherwise.
        sound: True where it has at least one sound track; it can be kept where there is a `path`.
        hdr: the high dynamic range that frames are kept in (`Frame.coded`); None for ordinary video, and
            where it was not asked for.
        jumps: seconds added to the times after each place where the source's clock jumps back, as in
            recordings that were joined.
        warnings: what the frames lack though they are all there, a sentence each.
        url: where it was read from in a storage; "" for none.
        fetched: a folder with what was brought here to be read; it goes when the source is closed.
        damage: why frames were missing or damaged when `read` last came to its end; None where all is well.
    """

    kind: str
    live: bool = False
    name: str
    size: tuple[int, int]
    rate: Fraction | None = None
    start: Fraction = Fraction(0)
    origin: Fraction = Fraction(0)
    time_base: Fraction | None = None
    aspect: Fraction = Fraction(1)
    length: Fraction | None = None
    path: "Path | Stored | None" = None
    sound: bool = False
    hdr: "ToneMap | None" = None
    jumps: Sequence[Fraction] = ()
    warnings: Sequence[str] = ()
    url: str = ""
    fetched: "TemporaryDirectory[str] | None" = None
    damage: TruncatedError | None = None

    @property
    @abstractmethod
    def count(self) -> int | None:
        """Number of frames; None for live sources."""

    @property
    def version(self) -> str:
        """Tells a video from another one that has taken its name, as far as that shows without reading it."""
        if isinstance(self.path, Path):
            return stamp(self.path)
        return "" if self.path is None else self.path.version

    @abstractmethod
    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yields the frames in order, from index `start`.

        Closing the generator closes what it opened. Seekable sources can be read any number of times, live
        ones once and from 0 only.

        Raises:
            TruncatedError: after the last frame that can be decoded, where frames are missing or damaged.
            InputError: where a picture cannot be read, or a live source is read a second time.
        """

    @property
    def entries(self) -> Sequence[int] | None:
        """Indices of frames from which reading starts at once, rising; None where parts of the source are not
        to be read alone: it is live, damaged, or has no index.
        """
        return None

    def time_of(self, index: int) -> Fraction | None:
        """`Frame.time` of a frame that has not been read."""
        return None if self.rate is None else index / self.rate

    def part(self, start: int, stop: int) -> Iterator[Frame]:
        """Yields the frames from index `start` to before `stop`, see `frames`; of damage, what lies there."""
        with closing(cast("Generator[Frame, None, None]", self.frames(start))) as frames:
            yield from islice(frames, stop - start)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Yields what `frames` does, or `part`, and simply ends where that raises `TruncatedError`.

        `damage` then holds the error. So what works on frames need not know of it: who reads them to the end
        calls `check` when all that came of them is safe.

        Raises:
            InputError: where a picture cannot be read, or a live source is read a second time.
        """
        self.damage = None
        frames = self.frames(start) if stop is None else self.part(start, stop)
        try:
            yield from frames
        except TruncatedError as error:
            self.damage = error

    def check(self) -> None:
        """Raises `damage`, if there was any."""
        if self.damage is not None:
            raise self.damage

    @abstractmethod
    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        """Yields, for every index in the order given, that frame and the one after it (None after the last).

        Raises:
            InputError: for a live source, or an index outside the source.
        """

    def frame_name(self, index: int) -> str:
        """The name of what is written for frame `index`, without a suffix: five digits, more where needed."""
        return f"{index:05d}"

    def reads(self, path: Path) -> bool:
        """Whether `path` is, or is a folder around, what the source reads: writing there would destroy it."""
        return False

    def stop(self) -> None:  # noqa: B027 - files never keep a reader waiting
        """Ends the frames for a thread that waits for the next one, which may never come; from any thread."""

    def close(self) -> None:
        """Gives back what the source holds open. May be called more than once."""
        if self.fetched is not None:
            self.fetched.cleanup()

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stamp(file: Path, *, fetched: bool = False) -> str:
    """What changes when a file is replaced: its size and, but for one that was `fetched`, its time."""
    about = file.stat()
    return f"{about.st_size}" if fetched else f"{about.st_size} {about.st_mtime_ns}"
