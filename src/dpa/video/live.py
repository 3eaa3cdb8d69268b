"""Sources that can be read only once, in order: cameras, streams and standard input."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from dpa.errors import InputError, TruncatedError
from dpa.video.convert import Converter
from dpa.video.decode import Reader
from dpa.video.frame import Frame
from dpa.video.pipe import Pipe
from dpa.video.source import FALLBACK_RATE, Source


@dataclass(frozen=True)
class RawVideo:
    """What must be known of frames without a header.

    Attributes:
        width, height: in pixels.
        pixel_format: FFmpeg's name, such as "rgb24", "yuv420p" or "nv12".
        rate: frames a second.
    """

    width: int
    height: int
    pixel_format: str = "yuv420p"
    rate: Fraction = FALLBACK_RATE

    @classmethod
    def parse(cls, text: str) -> "RawVideo":
        """Reads "WIDTHxHEIGHT[:PIXEL_FORMAT[:RATE]]", such as "640x480:rgb24:30000/1001".

        Raises:
            InputError: where the text is something else.
        """
        size, _, rest = text.partition(":")
        pixel_format, _, rate = rest.partition(":")
        try:
            width, height = (int(side) for side in size.lower().split("x"))
            av.VideoFormat(pixel_format or "yuv420p")
            raw = cls(width, height, pixel_format or "yuv420p", Fraction(rate) if rate else FALLBACK_RATE)
        except (ValueError, ZeroDivisionError) as error:
            raise InputError(
                "raw video must be given as WIDTHxHEIGHT:PIXEL_FORMAT:RATE, such as 640x480:rgb24:30, "
                f'not "{text}"'
            ) from error
        if raw.width < 1 or raw.height < 1 or raw.rate <= 0:
            raise InputError(f'raw video needs a size and a rate above zero, not "{text}"')
        return raw

    def options(self) -> dict[str, str]:
        """As FFmpeg's rawvideo demuxer takes it."""
        return {
            "video_size": f"{self.width}x{self.height}",
            "pixel_format": self.pixel_format,
            "framerate": str(self.rate),
            # Nothing is left to be found out: otherwise FFmpeg waits for seconds of frames before it starts.
            "probesize": "32",
            "analyzeduration": "0",
        }


class LiveSource(Source):
    """Frames as they arrive. The first one is waited for when the source is opened, since it tells the size.

    Args:
        file: a URL, a device, or an object with `read`.
        label: what to call it in error messages.
        name: what outputs are named after.
        alpha: whether transparency is kept; without it colours come as they are stored.
        **options: passed to `av.open`.

    Raises:
        InputError: where it cannot be opened or gives no frame.
    """

    kind = "live"
    live = True

    def __init__(
        self, file: Any, label: str, name: str, threads: int = 0, alpha: bool = True, **options: Any
    ) -> None:
        self.name = name
        self._label = label
        self._file = file
        # Frame threads would hold back as many frames as there are threads.
        self._reader = Reader(file, label, threads, slices=True, alpha=alpha, **options)
        try:
            self._pictures = self._reader.decoded()
            first = next(self._pictures, None)
            if first is None:
                raise InputError(f"{label} gave no frame")
        except BaseException:
            self._reader.close()
            raise
        # A stream is joined at any moment: what came before its first key frame cannot be decoded.
        self._reader.errors = 0
        self._first: av.VideoFrame | None = first
        self._converter = Converter(first, alpha)
        stream = self._reader.stream
        self.size = self._converter.size
        self.rate = stream.average_rate or stream.guessed_rate
        self.time_base = self._reader.unit
        self.origin = self.start = (first.pts or 0) * self._reader.unit
        self.sound = len(self._reader.container.streams.audio) > 0
        self._jumped, self._latest = 0, first.pts or 0
        self._before: int | None = None
        # AVI has no times of frames, and what FFmpeg makes up for them is in the order of decoding.
        self._timed = self._reader.container.format.name != "avi"

    @property
    def count(self) -> None:
        return None

    def frames(self, start: int = 0) -> Iterator[Frame]:
        picture = self._first
        if start or picture is None:
            raise InputError(f"{self._label} is live: it can be read once only, from its first frame on")
        origin, self._first = picture.pts, None
        index = 0
        try:
            while picture is not None:
                yield Frame(index=index, time=self._time(picture, origin, index), **self._converter(picture))
                picture = next(self._pictures, None)
                index += 1
        finally:
            self.close()
        if self._reader.errors:
            raise TruncatedError(
                f"{self._label} broke off or is damaged: {index} frames were decoded, "
                f"{self._reader.errors} packets could not be"
            )

    def pairs_at(self, indices: Sequence[int]) -> Iterator[tuple[Frame, Frame | None]]:
        raise InputError(f"{self._label} is live: frames cannot be picked from it before they arrive")

    def stop(self) -> None:
        if isinstance(self._file, Pipe):
            self._file.stopped = True

    def close(self) -> None:
        self._reader.close()
        if isinstance(self._file, Pipe):
            self._file.close()

    def _time(self, picture: av.VideoFrame, origin: int | None, index: int) -> Fraction:
        if not self._timed or picture.pts is None or origin is None or self.time_base is None:
            return index / (self.rate or FALLBACK_RATE)
        if self._before is not None and picture.pts + self._before > self._latest:
            self._jumped = self._before  # one stamp was wrong, and the clock is back where it was
        self._before = None
        if index and picture.pts + self._jumped <= self._latest:
            # Where the sender's clock jumps back, times go on from there.
            step = picture.duration or round(1 / (self.rate or FALLBACK_RATE) / self.time_base)
            self._before, self._jumped = self._jumped, self._latest + max(1, step) - picture.pts
        self._latest = picture.pts + self._jumped
        return (self._latest - origin) * self.time_base


def open_camera(source: str, threads: int = 0) -> LiveSource:
    """Opens a camera by its index ("0") or device ("/dev/video0"; "video=NAME" on Windows).

    Raises:
        InputError: where there is no such camera.
    """
    index = source.isdecimal()
    if sys.platform.startswith("linux"):
        device, kind = (f"/dev/video{source}" if index else source), "v4l2"
    elif sys.platform == "darwin":
        device, kind = source, "avfoundation"
    elif index:
        raise InputError(f'camera {source}: on this system give its name, such as "video=Integrated Camera"')
    else:
        device, kind = source, "dshow"
    label = f"camera {source}"
    return LiveSource(device, label, f"camera{source}" if index else "camera", threads, format=kind)
