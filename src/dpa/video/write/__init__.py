"""Writing results: what can be written is chosen by the output's name and `kind`."""

import os
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path, PurePath, PurePosixPath

import av

from dpa.errors import InputError, OutputError
from dpa.files import user_path
from dpa.storage.urls import is_url, suffix_of
from dpa.video.source import Source
from dpa.video.write.animation import AnimationSink
from dpa.video.write.base import Sink, output_errors
from dpa.video.write.coco import CocoSink
from dpa.video.write.encoders import ENCODES, SOFTWARE
from dpa.video.write.encodings import ANIMATIONS
from dpa.video.write.folder import FolderSink, PictureSink
from dpa.video.write.movie import KEEPS_HDR, MovieSink
from dpa.video.write.paint import Look, hdr_painter, painter
from dpa.video.write.stream import RawSink, StreamSink, raw_kind
from dpa.video.write.upload import UploadSink

__all__ = ["FILE_SUFFIXES", "KINDS", "Sink", "check_apart", "kind_of", "open_sink", "raw_kind"]

# Kinds by what the output is; the first one is the default.
_ANIMATED = ("alpha", "overlay", "green", "strip")
_PICTURES = ("mask", "soft", "overlay", "rgba", "green", "strip")
_ALLOWED = {
    "a folder": _PICTURES,
    ".png": _PICTURES,
    ".mp4": ("overlay", "green", "strip"),
    ".mov": ("alpha", "overlay", "green", "strip"),
    ".webm": ("alpha",),
    ".webp": _ANIMATED,
    ".apng": _ANIMATED,
    ".gif": _ANIMATED,
    ".json": ("coco",),
    "-": ("mask", "soft", "overlay", "rgba", "alpha", "green", "strip"),
}
KINDS = ("mask", "soft", "overlay", "rgba", "alpha", "green", "coco", "strip")
FILE_SUFFIXES = [suffix for suffix in _ALLOWED if suffix.startswith(".")]
# Names that are surely meant as files: a folder of that name would surprise.
_FILES = ".mkv .avi .m4v .mpg .mpeg .ts .wmv .flv .jpg .jpeg .avif .bmp .tif .tiff .zip .npz .npy .csv .txt"
_UNSUPPORTED = frozenset(_FILES.split())
# What is painted from the frames' colours, and moves.
_HDR_KINDS = ("overlay", "alpha", "green")
# The widest H.264 picture that common hardware decodes.
_STRIP_WIDTH = 3840


def kind_of(output: str | Path, kind: str | None = None) -> str:
    """The kind of an output: `kind` if its name allows that, else the default of its name.

    | output | kinds, the default first |
    |---|---|
    | folder, .png | mask, soft, overlay, rgba, green, strip |
    | .mp4 | overlay, green, strip |
    | .mov | alpha, overlay, green, strip |
    | .webm | alpha |
    | .webp, .apng, .gif | alpha, overlay, green, strip |
    | .json | coco |
    | - | mask, soft, overlay, rgba, alpha, green, strip |

    Raises:
        InputError: where the name and the kind do not go together, or either is unknown.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"there is no kind {kind}: choose one of {', '.join(KINDS)}")
    suffix = _suffix(output)
    if suffix in _UNSUPPORTED:
        raise InputError(
            f"{output}: {suffix} cannot be written; give a folder, or {', '.join(FILE_SUFFIXES)}"
        )
    allowed = _ALLOWED[suffix or "a folder"]
    if kind is None:
        return allowed[0]
    if kind not in allowed:
        fitting = [name for name, kinds in _ALLOWED.items() if kind in kinds]
        raise InputError(
            f"{output}: {suffix or 'a folder'} cannot hold the kind {kind}; it needs {' or '.join(fitting)}"
        )
    return kind


def open_sink(
    output: str | Path,
    kind: str | None,
    source: Source,
    *,
    overwrite: bool = False,
    resume: bool = False,
    threads: int = 0,
    encode: str = ENCODES[0],
    encoder: str = SOFTWARE,
    raw_out: str | None = None,
    look: Look | None = None,
) -> Sink:
    """Opens what results are written to, and checks before any work that it can be written.

    Args:
        output: a folder, a file whose suffix says what it is, the URL of either in a storage, or "-" for
            standard output.
        kind: one of `KINDS`; None takes the default of the output's name, see `kind_of`.
        source: where the frames come from.
        overwrite: replace an existing output when the new one is whole.
        resume: continue a folder at its first missing frame (`Sink.start`).
        threads: encoder threads of videos; 0 leaves it to the encoder.
        encode: of `dpa.video.write.encoders.ENCODES`: how hard a video's encoder works.
        encoder: of a video, see `dpa.video.write.encoders.choose_encoder`.
        raw_out: pixels of bare frames on standard output (`dpa.video.write.stream.RAW_LAYOUTS`); None for
            Matroska.
        look: of overlays, and what stands behind the object; None for the defaults.

    Raises:
        InputError: where output, kind and source do not go together.
        OutputError: where the output exists already or cannot be written.
    """
    if str(output) == "-" and raw_out is not None:
        return RawSink(painter(raw_kind(raw_out, kind), look=look))
    kind = kind_of(output, kind)
    suffix, path = _suffix(output), user_path(output)
    if is_url(str(output)):
        return _open_upload(str(output), kind, source, overwrite, resume, threads, encode, encoder, look)
    backdrop = look.backdrop if look is not None else None
    if suffix != "-" and (source.reads(path) or (backdrop is not None and backdrop.reads(path))):
        raise OutputError(f"{output} is what is being read: choose another name for the output")
    if resume and suffix:
        raise InputError(f"{output} is one file, only folders can be resumed: use --overwrite")
    if suffix == "-":
        return StreamSink(kind, painter(kind, look=look), source)
    if suffix == ".json":
        return CocoSink(path, source, overwrite=overwrite)
    if suffix == ".png":
        if source.count != 1:
            raise InputError(f"{output} is one picture and {source.name} has more frames: give a folder")
        return PictureSink(path, painter(kind, look=look), overwrite=overwrite)
    if suffix:
        hdr = source.hdr if kind in _HDR_KINDS and suffix not in ANIMATIONS else None
        if hdr and suffix == ".webm":
            raise InputError(f"{output}: .webm holds no high dynamic range with alpha: give .mov")
        if hdr and not KEEPS_HDR:
            raise InputError(
                f"{output}: --hdr keep wants PyAV 18 or newer (Python 3.11), this is {av.__version__}"
            )
        if hdr and backdrop is not None:
            raise InputError(f"{output}: backgrounds have no high dynamic range: leave out --hdr keep")
        strength = (look or Look()).strength
        paint = (
            hdr_painter(kind, hdr.white, strength) if hdr else painter(kind, width=_STRIP_WIDTH, look=look)
        )
        more = {"hdr": hdr} if hdr else {}
        movie = AnimationSink if suffix in ANIMATIONS else MovieSink
        return movie(
            path,
            paint,
            source,
            alpha=kind == "alpha",
            overwrite=overwrite,
            threads=threads,
            encode=encode,
            encoder=encoder,
            **more,
        )
    paint = painter(kind, look=look)
    return FolderSink(path, paint, source, overwrite=overwrite, resume=resume)


def _open_upload(
    url: str,
    kind: str,
    source: Source,
    overwrite: bool,
    resume: bool,
    threads: int,
    encode: str,
    encoder: str,
    look: Look | None,
) -> Sink:
    folder = not _suffix(url)
    if source.url == url.rstrip("/") or source.url.startswith(f"{url.rstrip('/')}/"):
        raise OutputError(f"{url} is what is being read: choose another name for the output")
    if resume and not folder:
        raise InputError(f"{url} is one file, only folders can be resumed: use --overwrite")

    def open_here(path: str) -> Sink:
        return open_sink(path, kind, source, threads=threads, encode=encode, encoder=encoder, look=look)

    return UploadSink(url, open_here, source, folder=folder, overwrite=overwrite, resume=resume)


def check_apart(outputs: Sequence[str | Path]) -> None:
    """Checks that no output of a run is another one or lies inside it.

    Raises:
        InputError: where that is so; folders are put in place whole, and would collide.
    """
    for one, other in permutations(outputs, 2):
        first, second = where(one), where(other)
        if first == second:
            raise InputError(f"two outputs are named {one}: give each a name of its own")
        if first in second.parents:
            raise InputError(f"{other} lies inside {one}, another output: put them side by side")


def where(name: str | Path) -> PurePath:
    """Where a name leads, so that two names of one file, or of one stored object, are seen to be one."""
    text = str(name)
    return (
        PurePosixPath(text.replace("://", "/")) if is_url(text) else Path(os.path.realpath(user_path(text)))
    )


def _suffix(output: str | Path) -> str:
    """The suffix that says what a file is; "" for a folder."""
    text = str(output)
    if text == "-":
        return text
    if is_url(text):
        suffix = "" if text.endswith("/") else suffix_of(text)
        return suffix if suffix in _ALLOWED or suffix in _UNSUPPORTED else ""
    suffix = Path(text).suffix.lower()
    with output_errors(Path(text)):
        if text.endswith(("/", "\\")) or Path(text).is_dir():
            return ""
    return suffix if suffix in _ALLOWED or suffix in _UNSUPPORTED else ""
