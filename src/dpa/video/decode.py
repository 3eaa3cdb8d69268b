"""An open container, its video stream, and the frames that come out of it."""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from dpa.errors import InputError, reason
from dpa.storage.ranges import Stored


class Reader:
    """A container opened for reading, with the threads and the error count of one pass.

    Args:
        file: a path, a URL, or an object with `read`.
        label: what to call it in error messages.
        threads: decoder threads; 0 leaves it to FFmpeg.
        slices: no frame threads. They are faster, but lose the decoder's last frames after an error at the
            end.
        alpha: whether the transparency of VP8 and VP9 is decoded.
        **options: passed to `av.open`.

    Attributes:
        unit: the stream's time base in seconds.
        errors: packets that could not be decoded so far.

    Raises:
        InputError: where FFmpeg cannot open it, or it has no video stream.
    """

    def __init__(
        self,
        file: Any,
        label: str,
        threads: int = 0,
        slices: bool = False,
        alpha: bool = False,
        **options: Any,
    ) -> None:
        self.errors = 0
        self._file = file
        self.container = _opened(file, label, options)
        try:
            self.stream = _video_stream(self.container, label)
            self.unit = self.stream.time_base or Fraction(1)
            self._decoder = _decoder(self.stream, alpha)
            self._decoder.thread_count = threads
            self._decoder.thread_type = "SLICE" if slices else "AUTO"
        except BaseException:
            self.container.close()
            raise

    def decoded(self) -> Iterator[av.VideoFrame]:
        """Yields the frames from where the container stands to its end.

        Raises:
            InputError: the storage that the file lies in failed.
        """
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                # The container is broken here: nothing more can be read, but the decoder still holds frames.
                self.errors += 1
                packets, packet = iter(()), None
            if packet is None:
                check_storage(self._file)
            # A packet of no bytes would be taken for the end.
            if packet is not None and packet.size == 0:
                continue
            try:
                yield from self._decoder.decode(packet)
            except av.EOFError:
                return
            except av.FFmpegError:
                self.errors += 1
            if packet is None:
                return

    def seek(self, stamp: int) -> None:
        """Goes to the last key frame at or before a timestamp of the stream.

        Raises:
            av.FFmpegError: where the container cannot.
        """
        self.container.seek(stamp, stream=self.stream)
        self._decoder.flush_buffers()

    def close(self) -> None:
        """Gives back what is open."""
        self.container.close()


def _decoder(stream: av.VideoStream, alpha: bool) -> Any:
    """The stream's decoder; for VP8 and VP9 with alpha, which FFmpeg's own drop, the one of libvpx."""
    context = stream.codec_context
    name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(context.codec.canonical_name)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if not alpha or name is None or tags.get("alpha_mode") != "1" or name not in av.codecs_available:
        return context
    return av.CodecContext.create(name, "r")


def check_storage(file: Any) -> None:
    """Tells the end of a file from that of its network.

    Raises:
        InputError: it lies in a storage that failed.
    """
    failure = getattr(file, "failure", None)
    if failure is not None:
        raise failure


def _opened(file: Any, label: str, options: dict[str, Any]) -> av.container.InputContainer:
    try:
        try:
            container = av.open(file, metadata_errors="replace", **options)
        finally:
            check_storage(file)
    except (av.InvalidDataError, EOFError, ValueError) as error:
        raise InputError(
            f"{label} is not a video that FFmpeg can read ({reason(error)}): "
            "check that it is a video, and whole"
        ) from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{label} cannot be opened ({reason(error)})") from error
    # FFmpeg takes a text file for a film of a terminal.
    if container.format.name == "tty":
        container.close()
        raise InputError(f"{label} is a text file, not a video")
    return container


def readable(file: os.PathLike[str] | Stored) -> Any:
    """A file as `av.open` takes it: "file:" keeps a colon in a name from being read as a protocol."""
    return file.open() if isinstance(file, Stored) else "file:" + os.fspath(file)


def _video_stream(container: av.container.InputContainer, label: str) -> av.VideoStream:
    # Cover pictures of music files are video streams too, of one frame.
    moving = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not moving:
        raise InputError(f"{label} has no video stream")
    if moving[0].codec_context is None:
        raise InputError(
            f"{label} uses a video codec that this FFmpeg cannot decode: convert it to H.264 first"
        )
    return moving[0]
