"""One way in for every kind of input."""

import errno
import glob
import re
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from dpa.errors import InputError, MissingExtra
from dpa.files import user_path
from dpa.storage.ranges import NoParts, Stored
from dpa.storage.urls import is_stored, is_url, is_web, suffix_of
from dpa.video.animation import AnimationSource, is_animation, is_still
from dpa.video.arrays import Arrays, ArraySource, arrays_of
from dpa.video.files import FileSource, SpooledSource
from dpa.video.images import ImageSource
from dpa.video.listing import is_listed, list_pictures, natural_key
from dpa.video.live import LiveSource, RawVideo, open_camera
from dpa.video.pipe import Pipe, has_late_index, open_named, spool
from dpa.video.source import Source
from dpa.video.stored import ANIMATIONS, pictures_at

# A number in a name as FFmpeg writes it: %d, %04d.
_NUMBERED = re.compile(r"%0?\d*d")
_RAW_SUFFIXES = frozenset({".yuv", ".rgb", ".raw", ".nv12", ".i420"})
_VIDEOS = ".mp4 .mov .mkv .webm .avi .m4v .mpg .mpeg .ts .mts .wmv .flv .gif .apng .3gp"
VIDEO_SUFFIXES = frozenset(_VIDEOS.split())

# A stream that gives nothing for so long is an error, not a wait for ever.
_SECONDS_OF_SILENCE = 30.0


def open_source(
    source: str | Path | Sequence[str | Path] | Arrays,
    *,
    rate: Fraction | None = None,
    raw: RawVideo | None = None,
    threads: int = 0,
    alpha: bool = True,
    hdr: bool = False,
) -> Source:
    """Opens anything that frames come from.

    Args:
        source: a video file; a folder of pictures, or one that has them in a subfolder RGB; a glob, or a
            pattern such as "frames/%04d.png"; one picture, animated or not; a list of pictures; a camera
            ("0", "/dev/video0"); a URL of a storage (s3:// and others, see docs/many.md), or one that FFmpeg
            opens; a named pipe; "-" for standard input; frames as
            (H, W, 3) uint8 arrays, RGB, in a list or from an iterator.
        rate: frames a second of pictures, which have none of their own.
        raw: what raw frames on standard input are; without it a container is expected there.
        threads: decoder threads; 0 leaves it to FFmpeg.
        alpha: whether the source's own transparency is kept (`Frame.alpha`, the image on grey); without it
            colours come as they are stored.
        hdr: whether high dynamic range of a video file is kept beside the tone-mapped picture
            (`Frame.coded`), and in outputs that can hold it.

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
        return ImageSource(paths, paths[0].parent.name or "pictures", rate, alpha=alpha)
    text = str(source)
    if text == "-":
        return open_stdin(raw, threads, alpha)
    path = user_path(text)
    if text.startswith(("/dev/video", "video=")) or (text.isdecimal() and not path.exists()):
        return open_camera(text, threads)
    if isinstance(source, str) and is_url(text):
        return _open_url(text, rate, threads, alpha, hdr)
    try:
        return _open_path(path, rate, threads, alpha, hdr)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise InputError(f"{path.name[:40]}... is too long for the name of a file") from error


def open_stdin(
    raw: RawVideo | None = None, threads: int = 0, alpha: bool = True, file: BinaryIO | None = None
) -> Source:
    """Opens standard input: raw frames where `raw` says what they are, else any container.

    Raises:
        InputError: where nothing comes, or what comes is no video.
    """
    pipe = Pipe(file or sys.stdin.buffer, "standard input")
    if raw is None:
        return _open_pipe(pipe, "stdin", threads, alpha)
    return LiveSource(pipe, pipe.name, "stdin", threads, alpha, format="rawvideo", options=raw.options())


def _open_pipe(pipe: Pipe, name: str, threads: int, alpha: bool) -> Source:
    try:
        if not has_late_index(pipe):
            return LiveSource(pipe, pipe.name, name, threads, alpha)
        path = spool(pipe)
    except BaseException:
        pipe.close()
        raise
    pipe.close()
    return SpooledSource(path, name, threads, alpha, pipe.name)


def _open_url(url: str, rate: Fraction | None, threads: int, alpha: bool, hdr: bool) -> Source:
    if is_stored(url):
        return _open_stored(url, rate, threads, alpha, hdr)
    if is_web(url) and suffix_of(url) in VIDEO_SUFFIXES:
        try:
            return FileSource(Stored(url), threads, alpha, hdr=hdr)
        except (NoParts, MissingExtra):
            pass  # as it comes, then
    # Lost packets would look like a damaged video: ask cameras for a connection that repeats them.
    options = {"rtsp_transport": "tcp"} if url.lower().startswith("rtsp") else {}
    timeout = _SECONDS_OF_SILENCE
    return LiveSource(url, url, _url_name(url), threads, alpha, timeout=timeout, options=options)


def _open_stored(url: str, rate: Fraction | None, threads: int, alpha: bool, hdr: bool) -> Source:
    fetched = None if suffix_of(url) in VIDEO_SUFFIXES - ANIMATIONS else pictures_at(url)
    if fetched is None:
        source: Source = FileSource(Stored(url), threads, alpha, hdr=hdr)
    else:
        folder, place = fetched
        try:
            source = _open_path(place, rate, threads, alpha, hdr)
        except BaseException:
            folder.cleanup()
            raise
        source.fetched = folder
    source.url = url
    return source


def _open_path(path: Path, rate: Fraction | None, threads: int, alpha: bool, hdr: bool) -> Source:
    if path.is_dir():
        return _open_folder(path, rate, alpha)
    if path.is_file():
        return _open_file(path, rate, threads, alpha, hdr)
    if path.exists():
        return _open_pipe(open_named(path, _SECONDS_OF_SILENCE), path.name, threads, alpha)
    matches: Iterable[Path] = ()
    if glob.has_magic(str(path)):
        matches = (Path(match) for match in glob.glob(str(path)))
    elif _NUMBERED.search(path.name) and path.parent.is_dir():
        form = re.compile(r"\d+".join(re.escape(part) for part in _NUMBERED.split(path.name)))
        matches = (one for one in path.parent.iterdir() if form.fullmatch(one.name))
    else:
        raise InputError(f"{path} does not exist")
    paths = sorted((one for one in matches if is_listed(one.name) and one.is_file()), key=natural_key)
    if not paths:
        raise InputError(f"{path} matches no picture")
    return ImageSource(paths, paths[0].parent.resolve().name or "pictures", rate, alpha=alpha)


def _open_file(path: Path, rate: Fraction | None, threads: int, alpha: bool, hdr: bool) -> Source:
    if is_animation(path):
        return AnimationSource(path, rate, alpha)
    if is_still(path):
        return ImageSource([path], path.stem, rate, alpha=alpha)
    try:
        return FileSource(path, threads, alpha, hdr=hdr)
    except InputError as error:
        if path.suffix.lower() in _RAW_SUFFIXES:
            raise InputError(
                f"{path} holds frames without a header: say what they are, dpa segment - "
                f"--raw WIDTHxHEIGHT:PIXEL_FORMAT:RATE < {path.name}"
            ) from error
        raise


def _open_folder(folder: Path, rate: Fraction | None, alpha: bool) -> Source:
    paths = list_pictures(folder)
    if not paths and (folder / "RGB").is_dir():
        return _open_folder(folder / "RGB", rate, alpha)
    if not paths:
        videos = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
        hint = f": give one of its videos, such as {folder / videos[0]}" if videos else ""
        raise InputError(f"{folder} has no pictures in it{hint}")
    whole = folder.resolve()
    name = whole.parent.name if whole.name == "RGB" else whole.name
    return ImageSource(paths, name, rate, unique=True, alpha=alpha)


def _url_name(url: str) -> str:
    last = re.split(r"[?#]", url)[0].rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^\w.-]", "_", last).rsplit(".", 1)[0] or "stream"
