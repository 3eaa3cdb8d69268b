"""Video files: H.264, and VP9 or ProRes with alpha, with the source's times and sound."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from dpa.video.frame import Frame
from dpa.video.source import FALLBACK_RATE, Source
from dpa.video.write.base import Sink, claim_file, output_errors, remove
from dpa.video.write.encoders import ENCODES, SOFTWARE, choose_encoder, settings
from dpa.video.write.folder import Painter
from dpa.video.write.sound import Sound
from dpa.video.write.worker import Worker

_BT709 = 1


@dataclass(frozen=True)
class Encoding:
    """How a container's pictures are encoded, and which sound it holds.

    Attributes:
        container: FFmpeg's name of the muxer.
        codec: the software encoder, see `dpa.video.write.encoders`.
        pixel_format: what it takes.
        even: sides must be even: the last row or column is repeated once where they are not.
        sound: codecs that are copied into this container; other sound is encoded anew with `sound_codec`.
        muxing: the muxer's options.
    """

    container: str
    codec: str
    pixel_format: str
    even: bool
    sound: frozenset[str]
    sound_codec: str
    muxing: dict[str, str] = field(default_factory=dict)


_MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac"})
_MOV_SOUND = frozenset(
    {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}
)
_START = {"movflags": "faststart"}

ENCODINGS = {
    (".mp4", False): Encoding("mp4", "libx264", "yuv420p", True, _MP4_SOUND, "aac", _START),
    (".mov", False): Encoding("mov", "libx264", "yuv420p", True, _MOV_SOUND, "aac", _START),
    (".mov", True): Encoding("mov", "prores_ks", "yuva444p10le", True, _MOV_SOUND, "aac"),
    (".webm", True): Encoding(
        "webm", "libvpx-vp9", "yuva420p", False, frozenset({"opus", "vorbis"}), "libopus"
    ),
}


class MovieSink(Sink):
    """A video file, encoded in a thread of its own (the encoder may use more).

    Every frame keeps its time, also where the rate varies; WebM rounds times to milliseconds. Sources without
    times get their rate, or 25 frames a second. Sound is copied as it is where the container can hold it. The
    file is written under a hidden temporary name and renamed when it is whole.

    Args:
        path: the file; its suffix chooses the container.
        painter: (frame, probability, mask, flow, alpha) -> (H, W, 3) RGB or (H, W, 4) RGBA uint8.
        source: gives times, sound and the shape of the pixels.
        alpha: whether the painter's fourth channel is kept.
        overwrite: replace an existing file when the new one is whole.
        threads: encoder threads; 0 leaves it to the encoder.
        encode, encoder: see `dpa.video.write.encoders`.

    Raises:
        InputError: where the encoder does not fit.
        OutputError: where the file exists already or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        painter: Painter,
        source: Source,
        *,
        alpha: bool = False,
        overwrite: bool = False,
        threads: int = 0,
        encode: str = ENCODES[0],
        encoder: str = SOFTWARE,
    ) -> None:
        self.path = path
        self._paint = painter
        self._source = source
        self._encoding = ENCODINGS[path.suffix.lower(), alpha]
        self.encoder = choose_encoder(encoder, self._encoding.codec, source.size)
        self._options = settings(self.encoder, encode)
        self._threads = threads
        self._reformatter = VideoReformatter()
        self._worker = Worker(self._encode, "encode")
        self._rate = source.rate or FALLBACK_RATE
        self._unit = source.time_base or 1 / self._rate
        self._last: int | None = None
        self._stream: av.VideoStream | None = None
        self._sound: Sound | None = None
        self._part = claim_file(path, overwrite)
        with output_errors(path):
            self._container = av.open(
                os.fspath(self._part),
                "w",
                format=self._encoding.container,
                container_options=self._encoding.muxing,
            )

    def write(
        self,
        frame: Frame,
        probability: np.ndarray,
        mask: np.ndarray,
        flow: np.ndarray | None = None,
        alpha: np.ndarray | None = None,
    ) -> None:
        picture = self._paint(frame, probability, mask, flow, alpha)
        self._worker.put((picture, frame))

    def close(self) -> None:
        try:
            self._worker.finish()
            if self._stream is None:
                return self.abort()
            with output_errors(self.path):
                self._mux(self._stream.encode(None))
                if self._sound is not None:
                    self._sound.copy_until(None)
                    self._sound.close()
                self._container.close()
                os.replace(self._part, self.path)
        except BaseException:
            self.abort()
            raise
        self._stream = None
        return None

    def abort(self) -> None:
        self._worker.stop()
        if self._sound is not None:
            self._sound.close()
        # The trailer does not fit on a full disk either; the file goes away anyway.
        with suppress(OSError, ValueError):
            self._container.close()
        self._stream = None
        remove(self._part)

    def _encode(self, item: tuple[np.ndarray, Frame]) -> None:
        picture, frame = item
        with output_errors(self.path):
            if self._stream is None:
                self._stream = self._open_stream(picture)
            if self._encoding.even:
                picture = _even(picture)
            self._mux(self._stream.encode(self._convert(picture, frame)))

    def _open_stream(self, picture: np.ndarray) -> av.VideoStream:
        encoding = self._encoding
        # PyAV types a stream by the literal name of its codec, which is a setting here.
        stream: Any = self._container.add_stream(self.encoder, rate=self._rate, options=self._options)
        height, width = picture.shape[:2]
        stream.width, stream.height = (
            width + (encoding.even and width % 2),
            height + (encoding.even and height % 2),
        )
        stream.pix_fmt = encoding.pixel_format
        context = stream.codec_context
        context.time_base = stream.time_base = self._unit
        context.thread_count = self._threads
        context.sample_aspect_ratio = self._source.aspect
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        if "yuva" in encoding.pixel_format and encoding.container == "webm":
            stream.metadata["alpha_mode"] = "1"
        if self._source.sound and self._source.path is not None:
            self._sound = Sound(
                self._source.path, self._container, encoding.sound, encoding.sound_codec, self._source.origin
            )
        return stream

    def _convert(self, picture: np.ndarray, frame: Frame) -> av.VideoFrame:
        layout = "rgb24" if picture.shape[2] == 3 else "rgba"
        rgb = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), layout)
        converted = self._reformatter.reformat(
            rgb,
            format=self._encoding.pixel_format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        time = frame.index / self._rate if frame.time is None else self._source.start + frame.time
        stamp = round((time - self._source.origin) / self._unit)
        # Encoders want rising times; damaged files and cameras do not always give them.
        self._last = stamp if self._last is None else max(stamp, self._last + 1)
        converted.pts, converted.time_base = self._last, self._unit
        converted.duration = max(1, round(1 / self._rate / self._unit))
        return converted

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if self._sound is not None and packet.dts is not None:
                self._sound.copy_until(packet.dts * packet.time_base)
            self._container.mux(packet)


def _even(picture: np.ndarray) -> np.ndarray:
    """4:2:0 colour, which every player shows, needs even sides: repeats the last row and column where they
    are odd.
    """
    down, right = picture.shape[0] % 2, picture.shape[1] % 2
    if not down and not right:
        return picture
    return cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE)
