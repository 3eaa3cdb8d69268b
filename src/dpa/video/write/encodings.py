"""How each container's pictures are encoded, and which sound it holds."""

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Encoding:
    """A container, the codec of its pictures, and the sound that goes with them.

    Attributes:
        container: FFmpeg's name of the muxer.
        codec: the software encoder, see `dpa.video.write.encoders`.
        pixel_format: what it takes.
        even: sides must be even: the last row or column is repeated once where they are not.
        sound: codecs that are copied into this container; other sound is encoded anew with `sound_codec`.
        sound_codec: "" where the container holds no sound.
        muxing: the muxer's options.
        unit: of times, in seconds; None for the source's.
    """

    container: str
    codec: str
    pixel_format: str
    even: bool = False
    sound: frozenset[str] = frozenset()
    sound_codec: str = ""
    muxing: dict[str, str] = field(default_factory=dict)
    unit: Fraction | None = None

    @property
    def is_rgb(self) -> bool:
        """Whether pictures stay RGB, or grey, and are not made YUV."""
        return not self.pixel_format.startswith("yuv")


_MP4_SOUND = frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "alac", "opus", "flac"})
_MOV_SOUND = frozenset(
    {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"}
)
_MKV_SOUND = _MP4_SOUND | _MOV_SOUND | {"vorbis"}
_WEBM_SOUND = frozenset({"opus", "vorbis"})
_START = {"movflags": "faststart"}
# Without it Matroska's tracks have random numbers, and no two files are alike.
_REPEATABLE = {"fflags": "bitexact"}
_MILLISECONDS, _CENTISECONDS = Fraction(1, 1000), Fraction(1, 100)

ENCODINGS = {
    (".mp4", False): Encoding("mp4", "libx264", "yuv420p", True, _MP4_SOUND, "aac", _START),
    (".mov", False): Encoding("mov", "libx264", "yuv420p", True, _MOV_SOUND, "aac", _START),
    (".mov", True): Encoding("mov", "prores_ks", "yuva444p10le", True, _MOV_SOUND, "aac"),
    (".webm", True): Encoding("webm", "libvpx-vp9", "yuva420p", False, _WEBM_SOUND, "libopus", _REPEATABLE),
}
"""By suffix, and whether there is alpha."""

HDR = {
    (".mp4", False): Encoding("mp4", "libx265", "yuv420p10le", True, _MP4_SOUND, "aac", _START),
    (".mov", False): Encoding("mov", "libx265", "yuv420p10le", True, _MOV_SOUND, "aac", _START),
    (".mov", True): ENCODINGS[".mov", True],
}
"""The same for high dynamic range."""

ANIMATIONS = {
    ".webp": Encoding("webp", "libwebp_anim", "bgra", muxing={"loop": "0"}, unit=_MILLISECONDS),
    ".apng": Encoding("apng", "apng", "rgba", muxing={"plays": "0"}, unit=_MILLISECONDS),
    ".gif": Encoding("gif", "gif", "pal8", muxing={"loop": "0"}, unit=_CENTISECONDS),
}
"""Animated pictures by suffix; they play for ever."""

STREAMS = {
    layout: Encoding("matroska", "ffv1", pixels, False, _MKV_SOUND, "aac")
    for layout, pixels in (("gray", "gray"), ("rgb24", "bgr0"), ("rgba", "bgra"))
}
"""What goes to standard output, by the layout of the painted pictures: nothing is lost."""
