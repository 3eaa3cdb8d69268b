"""Results on standard output, for the next program of a pipe."""

import sys
from pathlib import Path
from typing import Any, BinaryIO

import av

from dpa.errors import InputError
from dpa.video.segmented import Segmented
from dpa.video.source import Source
from dpa.video.write.base import Sink, output_errors
from dpa.video.write.encodings import STREAMS, Encoding
from dpa.video.write.folder import Painter
from dpa.video.write.movie import MovieSink

STDOUT = Path("-")
RAW_LAYOUTS = {"gray": ("mask", "soft"), "rgb24": ("overlay", "green", "strip"), "rgba": ("alpha", "rgba")}
"""Pixels that are written without a container, and the kinds that have them; the first one is the default."""


class StreamSink(MovieSink):
    """Matroska with FFV1, which loses nothing, and the source's times and sound, on standard output.

    Args:
        kind: of the pictures.
        painter, source: as for `MovieSink`.
    """

    def __init__(self, kind: str, painter: Painter, source: Source) -> None:
        self._kind = kind
        super().__init__(STDOUT, painter, source)

    def _encoding_of(self, path: Path, alpha: bool) -> Encoding:
        return STREAMS[layout_of(self._kind)]

    def _open(self, overwrite: bool) -> av.container.OutputContainer:
        with output_errors(self.path):
            return av.open(_Writer(sys.stdout.buffer), "w", format=self._encoding.container)

    def _place(self) -> None:
        with output_errors(self.path):
            sys.stdout.buffer.flush()

    def _remove(self) -> None:
        """What has gone down a pipe does not come back."""


class RawSink(Sink):
    """Bare pixels on standard output, frame by frame, at once.

    Args:
        painter: (frame, probability, mask, flow, alpha) -> (H, W) or (H, W, C) uint8.
    """

    path = STDOUT

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self._paint = painter

    def write(self, segmented: Segmented) -> None:
        with output_errors(self.path):
            sys.stdout.buffer.write(self._paint(segmented).tobytes())
            sys.stdout.buffer.flush()

    def close(self) -> None:
        """Nothing waits."""

    def abort(self) -> None:
        """What has gone down a pipe does not come back."""


def layout_of(kind: str) -> str:
    """The pixels of a kind: "gray", "rgb24" or "rgba"."""
    return next(layout for layout, kinds in RAW_LAYOUTS.items() if kind in kinds)


def raw_kind(layout: str, kind: str | None) -> str:
    """The kind that is written as bare pixels.

    Raises:
        InputError: where there is no such layout, or the kind has other pixels.
    """
    if layout not in RAW_LAYOUTS:
        raise InputError(f"raw frames are written as {', '.join(RAW_LAYOUTS)}, not as {layout}")
    if kind is not None and kind not in RAW_LAYOUTS[layout]:
        raise InputError(f"{layout} holds the kinds {', '.join(RAW_LAYOUTS[layout])}, not {kind}")
    return kind or RAW_LAYOUTS[layout][0]


class _Writer:
    """Takes bytes and cannot be sought in: otherwise FFmpeg would go back to the header at the end."""

    name = "standard output"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()
