"""Names: what is a URL, which of them are files in a storage, and paths made of them."""

import posixpath
import re
from pathlib import Path

_URL = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
# What FFmpeg reads as it comes: cameras, broadcasts, what cannot be gone back in.
_LIVE = (
    "rtsp rtsps rtmp rtmps rtmpe rtmpt rtmpte udp udplite tcp tls rtp srt srtp rist mms mmsh mmst icecast "
    "hls gopher gophers ipfs ipns ftp file"
)
_STREAMS = frozenset(_LIVE.split())
_WEB = ("http", "https")


def is_url(text: object) -> bool:
    """Whether a name is a URL, of whatever kind.

    Example:
        >>> is_url("s3://bucket/clip.mp4"), is_url("clip.mp4")
        (True, False)
    """
    return isinstance(text, str) and _URL.match(text) is not None


def scheme(url: str) -> str:
    """What stands before ://, in small letters."""
    return url.partition("://")[0].lower()


def is_stored(text: object) -> bool:
    """Whether a name is the URL of something in a storage, that can be listed, read anywhere and written.

    Example:
        >>> is_stored("s3://bucket/clip.mp4"), is_stored("rtsp://camera"), is_stored("https://host/a.mp4")
        (True, False, False)
    """
    return is_url(text) and scheme(str(text)) not in (*_STREAMS, *_WEB)


def is_web(text: object) -> bool:
    """Whether a name is a URL of the web: a file where its server says so, else a stream."""
    return is_url(text) and scheme(str(text)) in _WEB


def is_glob(text: str) -> bool:
    """Whether a name stands for several, by * or [...]; ? begins the query of a URL."""
    return re.search(r"[*\[]", text) is not None


def join(place: str | Path, name: str) -> str:
    """A name inside a folder, both as they are written: URLs stay URLs."""
    return f"{str(place).rstrip('/')}/{name}" if is_url(str(place)) else (Path(place) / name).as_posix()


def path_of(url: str) -> str:
    """What follows the scheme, without a query: "bucket/deep/clip.mp4"."""
    return re.split(r"[?#]", url.partition("://")[2])[0].rstrip("/")


def name_of(url: str) -> str:
    """The last part of a URL's path, without a query: "clip.mp4"."""
    return posixpath.basename(path_of(url))


def stem_of(url: str) -> str:
    """The same without its suffix."""
    return posixpath.splitext(name_of(url))[0]


def suffix_of(url: str) -> str:
    """The suffix of a URL's path, in small letters: ".mp4"."""
    return posixpath.splitext(name_of(url))[1].lower()
