"""From a decoded video frame to the RGB picture that is to be shown."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from dpa.errors import InputError
from dpa.video.decode import reason
from dpa.video.frame import shown
from dpa.video.hdr import CODED, ToneMap

# From ITU-T H.273's matrix coefficients, which frames are tagged with, to libswscale's numbers for them
# (SWS_CS_*, not all of which have a name in every PyAV). What is not here is guessed from the size.
_BT709, _BT601, _BT2020 = 1, 5, 9
_MATRICES = {1: _BT709, 4: 4, 5: _BT601, 6: _BT601, 7: 7, 9: _BT2020, 10: _BT2020}
_HD_LINES = 720
# Exact rounding costs five times as much with eight bits, where the fast way is at most two levels off, and
# nothing with more bits, where it is not.
_FAST = int(Interpolation.BILINEAR)
# libswscale's SWS_ACCURATE_RND by number: PyAV has a name for it from 18 on only.
_EXACT = _FAST | 1 << 18


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to hold a picture: transpose first, then mirror.

    Attributes:
        transpose: rows become columns.
        flip_x: mirrored left to right.
        flip_y: mirrored top to bottom.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) after the orientation is applied."""
        return (width, height) if self.transpose else (height, width)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Applies it to (H, W, C) and returns a contiguous array."""
        if self.transpose:
            image = cv2.transpose(image)
        if self.flip_x or self.flip_y:
            image = cv2.flip(image, -1 if self.flip_x and self.flip_y else int(self.flip_x))
        return image


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation in the display matrix of a frame; the identity where it has none.

    The matrix [a b u; c d v; x y w] (16.16 fixed point, ISO/IEC 14496-12 6.2.2) takes the stored point (p, q)
    to (a p + c q + x, b p + d q + y). Angles between the quarter turns go to the nearest one.
    """
    side_data: Mapping[str, Any] = frame.side_data
    data = side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)
    return Orientation(flip_x=a < 0, flip_y=d < 0)


class Converter:
    """Turns the frames of one video into RGB arrays of one size, and their alpha.

    The matrix and the range are the ones the frame is tagged with. An untagged matrix is BT.709 from 720
    lines up and BT.601 below, an untagged range is limited except for grey, as players take them. HLG and PQ
    are tone-mapped. A frame whose size differs from the first one's (a stream that switches its resolution)
    is scaled to the first.

    Args:
        first: the first frame.
        alpha: whether transparency is kept; without it colours come as they are stored.
        hdr: whether high dynamic range is kept beside the tone-mapped picture.

    Attributes:
        hdr: what is kept of it; None for ordinary video.
    """

    def __init__(self, first: av.VideoFrame, alpha: bool = True, hdr: bool = False) -> None:
        self.orientation = orientation_of(first)
        self._stored = (first.height, first.width)
        self._tone = ToneMap.of(first)
        self._alpha = alpha and not self._tone and any(part.is_alpha for part in first.format.components)
        self.hdr = self._tone if hdr else None
        self._reformatter = VideoReformatter()

    def copy(self) -> "Converter":
        """The same with working memory of its own: one converter is for one thread."""
        other = copy(self)
        other._reformatter = VideoReformatter()
        other._tone = replace(self._tone, _graph=None) if self._tone else None
        return other

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the arrays that come out."""
        return self.orientation.size(*self._stored)

    def __call__(self, frame: av.VideoFrame) -> dict[str, Any]:
        """Returns the `image`, `alpha` and `coded` of a `Frame`.

        Raises:
            InputError: where FFmpeg cannot convert the frame's pixels.
        """
        try:
            array, coded = (None if a is None else self.orientation.apply(a) for a in self._converted(frame))
            assert array is not None
        except (av.FFmpegError, ValueError) as error:
            raise InputError(
                f"pixels of the format {frame.format.name} cannot be converted ({reason(error)}): "
                "convert the video to H.264 first"
            ) from error
        if not self._alpha:
            return {"image": array, "coded": coded}
        colours, opacity = (np.ascontiguousarray(array[:, :, part]) for part in (slice(3), 3))
        image, alpha = shown(colours, opacity)
        return {"image": image, "alpha": alpha}

    def _converted(self, frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray | None]:
        height, width = self._stored
        tone, coded = self._tone, None
        rgb = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=CODED if tone else "rgba" if self._alpha else "rgb24",
            src_colorspace=_matrix(frame),
            dst_colorspace=_BT709,
            src_color_range=_range(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=_FAST if frame.format.components[0].bits <= 8 else _EXACT,
        )
        if tone:
            # Ten bits to sixteen.
            coded = rgb.to_ndarray().astype(np.uint16) << 6 if self.hdr else None
            rgb = tone(rgb)
        # Frames that are RGB already come back as they are, in memory that belongs to the decoder.
        array = rgb.to_ndarray().copy() if rgb is frame else rgb.to_ndarray()
        return np.ascontiguousarray(array), coded


def _matrix(frame: av.VideoFrame) -> int:
    guess = _BT709 if frame.height >= _HD_LINES else _BT601
    return _MATRICES.get(frame.colorspace, guess)


def _range(frame: av.VideoFrame) -> ColorRange:
    name = frame.format.name
    if name.startswith("yuvj") or frame.format.is_rgb or frame.color_range == ColorRange.JPEG:
        return ColorRange.JPEG
    if name.startswith("gray") and frame.color_range == ColorRange.UNSPECIFIED:
        return ColorRange.JPEG
    return ColorRange.MPEG
