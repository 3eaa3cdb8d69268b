"""Video files: H.264, and VP9 or ProRes with alpha, with the source's times and sound."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from dpa.arrays import Image
from dpa.errors import reason
from dpa.video.decode import readable
from dpa.video.frame import Frame
from dpa.video.hdr import ToneMap
from dpa.video.segmented import Segmented
from dpa.video.source import FALLBACK_RATE, Source
from dpa.video.write.base import Sink, claim_file, output_errors, put_in_place, remove
from dpa.video.write.encoders import ENCODES, SOFTWARE, choose_encoder, settings
from dpa.video.write.encodings import ENCODINGS, HDR, Encoding
from dpa.video.write.folder import Painter
from dpa.video.write.sound import Sound, keep_file_labels
from dpa.video.write.worker import Worker

_BT709, _BT2020 = 1, 9
# Containers that say what shape pixels have. For Matroska and WebM, PyAV does not let it be set.
_SHAPED = ("mp4", "mov")
KEEPS_HDR = hasattr(Colorspace, "BT2020")
"""Older PyAV takes another matrix for pictures of BT.2020."""


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
        hdr: the high dynamic range of what the painter paints, uint16 then; None for ordinary pictures.

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
        hdr: ToneMap | None = None,
    ) -> None:
        super().__init__()
        self.path = path
        self._paint = painter
        self._source = source
        self._hdr = hdr
        self._encoding = self._encoding_of(path, alpha)
        self.encoder = choose_encoder(encoder, self._encoding.codec, source.size)
        self._options = settings(self.encoder, encode)
        self._threads = threads
        self._reformatter = VideoReformatter()
        self._worker = Worker(self._encode, "encode")
        self._rate = source.rate or FALLBACK_RATE
        self._unit = self._encoding.unit or source.time_base or 1 / self._rate
        self._last: int | None = None
        self._duration = max(1, round(1 / self._rate / self._unit))
        self._stream: av.VideoStream | None = None
        self._sound: Sound | None = None
        self._container = self._open(overwrite)

    def write(self, segmented: Segmented) -> None:
        self._worker.put((self._paint(segmented), segmented.frame))

    def close(self) -> None:
        try:
            self._worker.finish()
            if self._stream is None:
                return self.abort()
            with output_errors(self.path):
                self._flush()
                if self._sound is not None:
                    self._sound.copy_until(None)
                    self._sound.close()
                self._container.close()
                self._place()
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
        with suppress(OSError, ValueError, av.FFmpegError):
            self._container.close()
        self._stream = None
        self._remove()

    def _encoding_of(self, path: Path, alpha: bool) -> Encoding:
        return (HDR if self._hdr else ENCODINGS)[path.suffix.lower(), alpha]

    def _open(self, overwrite: bool) -> av.container.OutputContainer:
        self._part = claim_file(self.path, overwrite)
        with output_errors(self.path):
            return av.open(
                readable(self._part),
                "w",
                format=self._encoding.container,
                container_options=self._encoding.muxing,
            )

    def _place(self) -> None:
        put_in_place(self._part, self.path)

    def _remove(self) -> None:
        remove(self._part)

    def _flush(self) -> None:
        assert self._stream is not None
        self._mux(self._stream.encode(None))

    def _encode(self, item: tuple[np.ndarray, Frame]) -> None:
        picture, frame = item
        with output_errors(self.path):
            if self._stream is None:
                self._stream = self._open_stream(picture)
            if self._encoding.even:
                picture = _even(picture)
            self._mux(self._stream.encode(self._convert(picture, frame)))

    def _open_stream(self, picture: Image) -> av.VideoStream:
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
        if self._source.aspect != 1 and encoding.container not in _SHAPED:
            self.warnings.append(
                f"{self._source.name}: its pixels are not square ({self._source.aspect}), which only .mp4 "
                "and .mov keep: it is shown in another shape"
            )
        if not encoding.is_rgb:
            context.color_range = ColorRange.MPEG
            context.colorspace, context.color_primaries, context.color_trc = self._colours
            if self._encoding.codec == "libx265":
                context.codec_tag = "hvc1"  # Apple's players want HEVC called so
        if "yuva" in encoding.pixel_format and encoding.container == "webm":
            stream.metadata["alpha_mode"] = "1"
        if encoding.sound_codec:
            self._add_sound()
        return stream

    def _add_sound(self) -> None:
        source, encoding = self._source, self._encoding
        if source.path is None:
            if source.sound:
                self.warnings.append(f"the sound of {source.name} is not kept: only that of files is")
            return
        try:
            keep_file_labels(source.path, self._container, source.origin)
        except av.FFmpegError as error:
            self.warnings.append(f"{source.path}: its title and chapters are left out ({reason(error)})")
        if source.sound:
            self._sound = Sound(
                source.path,
                self._container,
                encoding.sound,
                encoding.sound_codec,
                origin=source.origin,
                jumps=source.jumps,
                length=source.length,
                warn=self.warnings.append,
            )

    @property
    def _colours(self) -> tuple[int, int, int]:
        """Matrix, primaries and transfer, in the numbers of ITU-T H.273."""
        hdr = self._hdr
        if hdr is None:
            return _BT709, _BT709, _BT709
        return _BT2020 if hdr.wide else _BT709, hdr.primaries, hdr.transfer

    def _pixels(self, picture: Image) -> av.VideoFrame:
        layout = "gray" if picture.ndim == 2 else "rgb24" if picture.shape[2] == 3 else "rgba"
        if self._hdr:
            layout = {"rgb24": "rgb48le", "rgba": "rgba64le"}[layout]
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), layout)
            # Where these differ from the result's, FFmpeg converts the light.
            _, rgb.color_primaries, rgb.color_trc = self._colours
        else:
            rgb = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), layout)
        if self._encoding.is_rgb:
            return self._reformatter.reformat(rgb, format=self._encoding.pixel_format)
        return self._reformatter.reformat(
            rgb,
            format=self._encoding.pixel_format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.BT2020 if self._colours[0] == _BT2020 else Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            # Frames say so too: ProRes takes it from them.
            dst_color_trc=self._colours[2],
            dst_color_primaries=self._colours[1],
        )

    def _convert(self, picture: Image, frame: Frame) -> av.VideoFrame:
        converted = self._pixels(picture)
        time = frame.index / self._rate if frame.time is None else self._source.start + frame.time
        stamp = round((time - self._source.origin) / self._unit)
        # Encoders want rising times; damaged files and cameras do not always give them.
        self._last = stamp if self._last is None else max(stamp, self._last + 1)
        converted.pts, converted.time_base = self._last, self._unit
        converted.duration = self._duration
        return converted

    def _mux(self, packets: list[av.Packet]) -> None:
        for packet in packets:
            if self._sound is not None and packet.dts is not None:
                self._sound.copy_until(packet.dts * packet.time_base)
            self._container.mux(packet)


def _even(picture: Image) -> np.ndarray:
    """4:2:0 colour, which every player shows, needs even sides: repeats the last row and column where they
    are odd.
    """
    down, right = picture.shape[0] % 2, picture.shape[1] % 2
    if not down and not right:
        return picture
    return cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_REPLICATE)
