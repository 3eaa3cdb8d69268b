"""One way in for every kind of input."""

import glob
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from dpa.errors import InputError
from dpa.video.arrays import Arrays, ArraySource, arrays_of
from dpa.video.files import FileSource
from dpa.video.images import ImageSource
from dpa.video.listing import is_listed, list_pictures, natural_key
from dpa.video.live import LiveSource, RawVideo, open_camera, open_stdin
from dpa.video.source import Source

_URL = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_VIDEOS = ".mp4 .mov .mkv .webm .avi .m4v .mpg .mpeg .ts .mts .wmv .flv .gif .3gp"
VIDEO_SUFFIXES = frozenset(_VIDEOS.split())

# A stream that gives nothing for so long is an error, not a wait for ever.
_SECONDS_OF_SILENCE = 30.0


def open_source(
    source: str | Path | Sequence[str | Path] | Arrays,
    *,
    rate: Fraction | None = None,
    raw: RawVideo | None = None,
    threads: int = 0,
) -> Source:
    """Opens anything that frames come from.

    Args:
        source: a video file; a folder of pictures, or one that has them in a subfolder RGB; a glob; one
            picture; a list of pictures; a camera ("0", "/dev/video0"); a URL that FFmpeg opens; "-" for
            standard input; frames as (H, W, 3) uint8 arrays, RGB, in a list or from an iterator.
        rate: frames a second of pictures, which have none of their own.
        raw: what raw frames on standard input are; without it a container is expected there.
        threads: decoder threads; 0 leaves it to FFmpeg.

    Returns:
        The source, to be closed or used as a context manager.

    Raises:
        InputError: where there is nothing that can be read.

    Example:
        >>> with open_source("in.mp4") as source:
        ...     for frame in source.frames():
        ...         print(frame.index, frame.time, frame.image.shape)
        0 0 (64, 96, 3)
        1 1/25 (64, 96, 3)
        2 2/25 (64, 96, 3)
    """
    arrays = arrays_of(source)
    if arrays is not None:
        return ArraySource(arrays, rate)
    if raw is not None and source != "-":
        raise InputError("raw video settings are for standard input: give - as the input")
    if not isinstance(source, (str, Path)):
        paths = [Path(str(path)) for path in source]
        if not paths:
            raise InputError("the list of pictures is empty")
        return ImageSource(paths, paths[0].parent.name or "pictures", rate)
    text = str(source)
    if text == "-":
        return open_stdin(raw, threads)
    path = Path(text).expanduser()
    if text.startswith(("/dev/video", "video=")) or (text.isdecimal() and not path.exists()):
        return open_camera(text, threads)
    if isinstance(source, str) and _URL.match(text):
        # Lost packets would look like a damaged video: ask cameras for a connection that repeats them.
        options = {"rtsp_transport": "tcp"} if text.lower().startswith("rtsp") else {}
        return LiveSource(text, text, _url_name(text), threads, timeout=_SECONDS_OF_SILENCE, options=options)
    return _open_path(path, rate, threads)


def _open_path(path: Path, rate: Fraction | None, threads: int) -> Source:
    if path.is_dir():
        return _open_folder(path, rate)
    if path.exists():
        if is_listed(path.name):
            return ImageSource([path], path.stem, rate)
        return FileSource(path, threads)
    if glob.has_magic(str(path)):
        found = (Path(match) for match in glob.glob(str(path)))
        paths = sorted((p for p in found if is_listed(p.name) and p.is_file()), key=natural_key)
        if not paths:
            raise InputError(f"{path} matches no picture")
        return ImageSource(paths, paths[0].parent.resolve().name or "pictures", rate)
    raise InputError(f"{path} does not exist")


def _open_folder(folder: Path, rate: Fraction | None) -> Source:
    paths = list_pictures(folder)
    if not paths and (folder / "RGB").is_dir():
        return _open_folder(folder / "RGB", rate)
    if not paths:
        videos = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
        hint = f": give one of its videos, such as {folder / videos[0]}" if videos else ""
        raise InputError(f"{folder} has no pictures in it{hint}")
    whole = folder.resolve()
    return ImageSource(paths, whole.parent.name if whole.name == "RGB" else whole.name, rate, unique=True)


def _url_name(url: str) -> str:
    last = re.split(r"[?#]", url)[0].rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^\w.-]", "_", last).rsplit(".", 1)[0] or "stream"
