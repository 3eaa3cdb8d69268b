"""Animated pictures, as stickers and web pages use them: WebP, APNG, GIF, with transparency."""

import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from dpa.video.write.encodings import ANIMATIONS, Encoding
from dpa.video.write.movie import MovieSink

# Of 256 alpha levels GIF has two.
_OPAQUE = 128
_HAS_ALPHA = 0x10  # a flag of WebP's VP8X chunk


class AnimationSink(MovieSink):
    """An animated picture.

    WebP has 8-bit alpha and loses a little, APNG has it and loses nothing; GIF has 256 colours a frame, one
    of them transparent.

    Arguments and errors are those of `MovieSink`.
    """

    def _encoding_of(self, path: Path, alpha: bool) -> Encoding:
        return ANIMATIONS[path.suffix.lower()]

    def _pixels(self, picture: np.ndarray) -> av.VideoFrame:
        if picture.shape[2] == 3:
            picture = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
        if self._encoding.pixel_format == "pal8":
            return _palette_frame(picture)
        return super()._pixels(picture)

    def _place(self) -> None:
        if self._encoding.container == "webp":
            assert self._duration is not None
            _mend_webp(self._part, self._duration)
        super()._place()


def _palette_frame(picture: np.ndarray) -> av.VideoFrame:
    """(H, W, 4) uint8 RGBA in at most 256 colours of its own, one of which is transparent."""
    clear = picture[:, :, 3] < _OPAQUE
    whole = picture.copy()
    whole[:, :, 3] = np.where(clear, 0, 255)
    whole[clear] = 0
    few = Image.fromarray(whole, "RGBA").quantize(
        256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    assert few.palette is not None
    colours = np.frombuffer(few.palette.tobytes(), np.uint8).reshape(-1, len(few.palette.mode))
    table = np.zeros((256, 4), np.uint8)
    table[:, 0] = 255
    table[: len(colours), 1:] = colours[:, :3]
    if colours.shape[1] == 4:
        table[: len(colours), 0] = np.where(colours[:, 3] < _OPAQUE, 0, 255)
    indexed: Any = (np.asarray(few), table)
    return av.VideoFrame.from_ndarray(indexed, "pal8")


def _mend_webp(path: Path, duration: int) -> None:
    """Says that the picture has transparency, and how long its last frame lasts, in milliseconds.

    libwebp leaves the flag out where transparency comes from small frames on a clear ground alone, and gives
    the last frame the mean of the others. Layout: WebP container specification, chunks VP8X and ANMF.
    """
    with path.open("r+b") as file:
        size = path.stat().st_size
        place, last = 12, None
        while place + 8 <= size:
            file.seek(place)
            name, length = struct.unpack("<4sI", file.read(8))
            if name == b"VP8X":
                flags = file.read(1)[0]
                file.seek(place + 8)
                file.write(bytes([flags | _HAS_ALPHA]))
            if name == b"ANMF":
                last = place + 8 + 12
            place += 8 + length + length % 2
        if last is not None:
            file.seek(last)
            file.write(duration.to_bytes(3, "little"))
