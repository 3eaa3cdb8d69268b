"""Which encoder writes a video, and with which settings."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np

from dpa.errors import InputError

ENCODES = ("fast", "good")
"""How hard an encoder works, the default first."""
SOFTWARE, AUTO = "software", "auto"

# libvpx refuses alpha without auto-alt-ref=0.
_VP9 = {"crf": "24", "b": "0", "row-mt": "1", "tile-columns": "2", "auto-alt-ref": "0"}
# FFmpeg's encoder searches for a quantiser, four fifths of its time, and finds this one.
_PRORES = {"profile": "4444", "flags": "+qscale", "global_quality": "118"}
# Without it x264 (core 165) writes other bytes now and then on CPUs with AVX-512, and takes 3 % less time.
_X264 = {"crf": "18", "x264-params": "cpu-independent=1"}
_HEVC = {"crf": "18", "x265-params": "log-level=none"}
_SETTINGS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "libx264": (_X264 | {"preset": "veryfast"}, _X264 | {"preset": "medium"}),
    "libvpx-vp9": (
        _VP9 | {"deadline": "realtime", "cpu-used": "6"},
        _VP9 | {"deadline": "good", "cpu-used": "3"},
    ),
    "libx265": (_HEVC | {"preset": "fast"}, _HEVC | {"preset": "medium"}),
    "prores_ks": (_PRORES, _PRORES),
    "libwebp_anim": ({"quality": "85"}, {"quality": "85", "compression_level": "6"}),
    "apng": ({}, {"pred": "mixed"}),
    "gif": ({}, {}),
    "ffv1": ({}, {}),
    "h264_videotoolbox": ({"flags": "+qscale", "global_quality": "7670"},) * 2,
    "h264_nvenc": (
        {"preset": "p2", "rc": "vbr", "cq": "19", "b": "0"},
        {"preset": "p6", "rc": "vbr", "cq": "19", "b": "0"},
    ),
    "h264_qsv": (
        {"preset": "veryfast", "global_quality": "20"},
        {"preset": "slow", "global_quality": "20"},
    ),
    "h264_amf": (
        {"quality": "speed", "rc": "cqp", "qp_i": "19", "qp_p": "19"},
        {"quality": "quality", "rc": "cqp", "qp_i": "19", "qp_p": "19"},
    ),
}
# In the order in which they are tried. VAAPI is not here: it takes pictures in the chip's memory only.
_HARDWARE = ("h264_videotoolbox", "h264_nvenc", "h264_qsv", "h264_amf")
_H264 = ("libx264", *_HARDWARE)
# Some encoders give their first packet after a few frames only, or fail on the second.
_TRIAL = 3


def settings(encoder: str, encode: str) -> dict[str, str]:
    """The options of an encoder for one of `ENCODES`.

    Raises:
        InputError: another word.
    """
    if encode not in ENCODES:
        raise InputError(f"videos are encoded {' or '.join(ENCODES)}, not {encode}")
    return dict(_SETTINGS[encoder][ENCODES.index(encode)])


def choose_encoder(wish: str, software: str, size: tuple[int, int]) -> str:
    """The encoder that writes a video.

    Args:
        wish: "software"; "auto" for one of the machine's hardware encoders, where one encodes a few frames of
            this size, else software; or an encoder's name.
        software: the software encoder of the container and its pixel format.
        size: (height, width) of the pictures.

    Raises:
        InputError: an encoder that is not known here, does not fit the container or does not work on this
            machine.
    """
    if wish in (SOFTWARE, software):
        return software
    fitting = _H264 if software in _H264 else (software,)
    if wish == AUTO:
        return next((name for name in fitting if name in _HARDWARE and works(name, size)), software)
    if wish not in _SETTINGS:
        raise InputError(
            f"there is no encoder {wish}: choose {SOFTWARE}, {AUTO} or one of {', '.join(_SETTINGS)}"
        )
    if wish not in fitting:
        raise InputError(f"{wish} cannot write this kind of video: it is written by {', '.join(fitting)}")
    if not works(wish, size):
        raise InputError(f"the encoder {wish} does not work on this machine: use --encoder {AUTO}")
    return wish


def works(encoder: str, size: tuple[int, int]) -> bool:
    """Whether an H.264 encoder encodes a few grey frames of this size on this machine."""
    height, width = (side + side % 2 for side in size)
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    try:
        context: Any = av.CodecContext.create(encoder, "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, 25)
        context.options = settings(encoder, ENCODES[0])
        packets = []
        for index in range(_TRIAL):
            frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
            frame.pts = index
            packets += context.encode(frame)
        packets += context.encode(None)
    except (av.FFmpegError, ValueError):
        return False
    return len(packets) > 0
