"""Parts of a result, written apart, become one."""

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from dpa.errors import OutputError
from dpa.files import aside
from dpa.video.decode import readable
from dpa.video.source import Source
from dpa.video.write.base import claim_file, output_errors, remove
from dpa.video.write.coco import HEAD
from dpa.video.write.folder import FolderSink
from dpa.video.write.movie import MovieSink
from dpa.video.write.paint import painter

JOINED = ("", ".mp4", ".mov", ".webm", ".json")
"""Suffixes of results that can be joined; "" is a folder."""


def join_parts(
    parts: Sequence[tuple[int, Path]], output: str, kind: str, source: Source, overwrite: bool
) -> list[str]:
    """Makes one result of those of a video's parts, which were written with `dpa.video.excerpt.Excerpt`.

    Args:
        parts: the first frame of each, and where its result is; in order. They stay.
        output: the whole; with a slash at its end it is a folder.
        kind: of the results.
        source: the whole video, for its sound and its times.
        overwrite: replace what is there.

    Returns:
        What the result lacks, a sentence each.

    Raises:
        OutputError: it cannot be written, or the parts do not go together.
    """
    path = Path(output)
    suffix = "" if output.endswith("/") else path.suffix.lower()
    if suffix == ".json":
        _join_coco([part for _, part in parts], path, overwrite)
        return []
    if suffix in JOINED[1:]:
        with JoinedSink(path, kind, source, overwrite) as movie:
            for start, part in parts:
                movie.add(part, start)
        return movie.warnings
    with FolderSink(path, painter(kind), source, overwrite=overwrite) as folder:
        for _, part in parts:
            folder.take(sorted(part.glob("*.png")))
    return folder.warnings


class JoinedSink(MovieSink):
    """A video of others whose pictures go on from one to the next; they are not encoded anew.

    Args:
        path: the file.
        kind: of the pictures.
        source: gives times and sound.
        overwrite: replace an existing file when the new one is whole.

    Raises:
        OutputError: the file exists already or cannot be written.
    """

    def __init__(self, path: Path, kind: str, source: Source, overwrite: bool) -> None:
        super().__init__(
            path, painter(kind), source, alpha=kind == "alpha", overwrite=overwrite, hdr=source.hdr
        )
        self._setup: Any = None
        self._decoded: int | None = None

    def add(self, part: Path, start: int) -> None:
        """Goes on with the pictures of a file.

        Args:
            part: the file.
            start: the frame of the source that it begins with.

        Raises:
            OutputError: it was encoded otherwise than those before.
        """
        time = self._source.time_of(start)
        begin = start / self._rate if time is None else self._source.start + time
        with output_errors(self.path), av.open(readable(part)) as container:
            stream = container.streams.video[0]
            setup = (stream.codec_context.name, stream.width, stream.height, stream.codec_context.extradata)
            if self._stream is None:
                self._stream, self._setup = self._container.add_stream_from_template(stream), setup
                self._stream.metadata.update(stream.metadata)
                # PyAV leaves these out. Players take ProRes 4444 without its tag for 422, and HEVC for none.
                context = self._stream.codec_context
                context.codec_tag = stream.codec_context.codec_tag
                context.sample_aspect_ratio = self._source.aspect
                if self._encoding.sound_codec:
                    self._add_sound()
            if setup != self._setup:
                raise OutputError(
                    f"{self.path}: its parts were encoded by libraries that differ, and cannot be joined: "
                    "install one version on all machines, or leave the video whole (--part-frames 0)"
                )
            self._copy(container, stream, begin - self._source.origin)

    def _copy(self, container: av.container.InputContainer, stream: Any, begin: Fraction) -> None:
        ahead = round(round(begin / self._unit) * self._unit / stream.time_base)
        for packet in container.demux(stream):
            if packet.size == 0 or packet.pts is None or packet.dts is None:
                continue
            packet.pts += ahead
            packet.dts += ahead
            if self._decoded is not None and packet.dts <= self._decoded:
                # Where the rate varies, encoders guess the first ones from a part's own rate.
                packet.dts = self._decoded + 1
            self._decoded = packet.dts
            packet.stream = self._stream
            self._mux([packet])

    def _flush(self) -> None:
        """Nothing waits: nothing is encoded here."""


def _join_coco(parts: Sequence[Path], path: Path, overwrite: bool) -> None:
    """One after the other, so that memory holds one part of what may be a long film."""
    remove(claim_file(path, overwrite))  # asked for what it checks
    with output_errors(path), aside(path) as whole, whole.open("w", encoding="utf-8") as file:
        file.write(json.dumps(HEAD)[:-1] + ', "images": [')
        for number, entry in enumerate(_entries(parts, "images")):
            file.write(",\n" * (number > 0) + json.dumps(entry))
        file.write('],\n"annotations": [')
        for number, entry in enumerate(_entries(parts, "annotations")):
            file.write(",\n" * (number > 0) + json.dumps(entry))
        file.write("]}\n")


def _entries(parts: Sequence[Path], name: str) -> Iterator[Any]:
    for part in parts:
        yield from _read(part)[name]


def _read(part: Path) -> dict[str, Any]:
    return dict(json.loads(part.read_text("utf-8")))
