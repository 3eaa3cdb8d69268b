"""The sound of the source, beside the pictures that are being written: an extra that never costs them."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av

from dpa.errors import reason
from dpa.storage.ranges import Stored
from dpa.video.decode import readable
from dpa.video.write.tracks import Copied, Encoded, Track, TrackError

_JUMP = Fraction(1, 2)
"""Seconds that a track's clock must go back to count as a join; less is an overlap, and left out."""

# QuickTime's list of languages, as FFmpeg has it, knows some by their bibliographic codes only (ISO 639-2/B).
_FINAL = "bod ces cym deu ell eus fas fra hye isl kat mkd mri msa mya nld ron slk sqi zho"
_FIRST = "tib cze wel ger gre baq per fre arm ice geo mac mao may bur dut rum slo alb chi"
_BIBLIOGRAPHIC = dict(zip(_FINAL.split(), _FIRST.split(), strict=True))


class Sound:
    """Copies the sound tracks of a video file packet by packet, as far as the pictures have come.

    Packets go unchanged where the container can hold their codec; other tracks are decoded and encoded anew.
    At most one packet is held. A track that fails, in whatever way, is left out from there on and `warn` is
    told so in one sentence.

    Args:
        path: the source file.
        output: the open output container, before its header is written.
        copied: names of the codecs that are copied.
        codec: the encoder for the others.
        origin: time in seconds on the source's clock that the output calls 0.
        jumps: seconds that the source adds to its times after each place where they jump back.
        length: seconds of the output, from 0, that it is to have sound in; None for all that there is.
        warn: takes a sentence.
    """

    def __init__(
        self,
        path: Path | Stored,
        output: av.container.OutputContainer,
        copied: frozenset[str],
        codec: str,
        *,
        origin: Fraction,
        jumps: Sequence[Fraction],
        length: Fraction | None = None,
        warn: Callable[[str], None],
    ) -> None:
        self._path, self._output, self._warn = path, output, warn
        self._origin, self._jumps, self._length = origin, [Fraction(0), *jumps], length
        self._tracks: dict[int, Track] = {}
        self._clocks: dict[int, _Clock] = {}
        self._held: Any = None
        self._input: av.container.InputContainer | None = None
        try:
            self._input = av.open(readable(path), metadata_errors="replace")
            for number, stream in enumerate(self._input.streams.audio, start=1):
                self._add(number, stream, copied, codec)
            self._packets = self._demux()
            self._held = next(self._packets, None)
        except (av.FFmpegError, OSError) as error:
            self._warn(f"{path}: its sound cannot be read ({reason(error)}) and is left out")

    def copy_until(self, time: Fraction | None) -> None:
        """Writes the sound up to `time` in seconds on the output's clock; all that is left for None.

        Raises:
            OSError: the output cannot be written.
        """
        while self._held is not None:
            packet = self._held
            if time is not None and packet.dts * packet.time_base > time:
                return
            self._write(packet.stream.index, packet)
            self._held = next(self._packets, None)
        if time is None:
            for index in list(self._tracks):
                self._write(index, None)

    def close(self) -> None:
        """Gives back the source file."""
        self._held = None
        if self._input is not None:
            self._input.close()

    def _add(self, number: int, stream: av.AudioStream, copied: frozenset[str], codec: str) -> None:
        label = f"sound track {number} of {self._path}"
        if stream.codec_context is None:
            # Tracks without a decoder have no codec context, and nothing is known of them to be copied.
            self._warn(f"{label} has a codec that this FFmpeg does not know, and is left out")
            return
        fits = codec_name(stream) in copied and _holds(self._output.format.name, stream)
        try:
            track: Track = (
                Copied(label, stream, self._output) if fits else Encoded(label, stream, self._output, codec)
            )
        except TrackError as error:
            self._warn(str(error))
            return
        keep_labels(stream, track.stream, quicktime=self._output.format.name == "mov")
        self._tracks[stream.index] = track
        self._clocks[stream.index] = _Clock(self._origin, self._jumps)

    def _write(self, index: int, packet: av.Packet | None) -> None:
        track = self._tracks.get(index)
        if track is None:
            return
        try:
            for written in track.take(packet):
                self._mux(track, written)
            if packet is None and track.lost:
                self._warn(f"{track.label}: {track.lost} packets could not be decoded and are left out")
        except TrackError as error:
            del self._tracks[index]
            self._warn(str(error))

    def _mux(self, track: Track, packet: av.Packet) -> None:
        try:
            self._output.mux(packet)
        except (av.ArgumentError, av.InvalidDataError) as error:
            raise track.failed("its packets do not fit the output", error) from error

    def _demux(self) -> Iterator[av.Packet]:
        assert self._input is not None
        streams = [self._input.streams[index] for index in self._tracks]
        if not streams:
            return
        try:
            for packet in self._input.demux(streams):
                if packet.size and packet.dts is not None and self._clocks[packet.stream.index].set(packet):
                    time = packet.dts * packet.time_base
                    if self._length is None or 0 <= time < self._length:
                        yield packet
        except av.FFmpegError as error:
            self._warn(f"{self._path}: its sound breaks off ({reason(error)})")


class _Clock:
    """Moves the packets of one track to the output's clock, over the places where the source's jumps back."""

    def __init__(self, origin: Fraction, jumps: Sequence[Fraction]) -> None:
        self._origin, self._jumps = origin, jumps
        self._passed = 0
        self._raw: Fraction | None = None
        self._last: Fraction | None = None

    def set(self, packet: Any) -> bool:
        """Sets the packet's times; False for one that does not come after the one before it."""
        raw = packet.dts * packet.time_base
        if self._raw is not None and raw < self._raw - _JUMP:
            self._passed = min(self._passed + 1, len(self._jumps) - 1)
        self._raw = raw
        ticks = round((self._jumps[self._passed] - self._origin) / packet.time_base)
        packet.dts += ticks
        packet.pts = packet.dts if packet.pts is None else packet.pts + ticks
        time = packet.dts * packet.time_base
        if self._last is not None and time <= self._last:
            return False
        self._last = time
        return True


def codec_name(stream: av.AudioStream) -> str:
    """What the codec is called, whichever decoder reads it: "mp3", not "mp3float"."""
    return stream.codec_context.codec.canonical_name


def keep_labels(source: Any, output: Any, quicktime: bool) -> None:
    """Copies a track's language, title and flags (default, commentary, for the hard of hearing)."""
    for name in ("language", "title", "handler_name"):
        if name in source.metadata:
            output.metadata[name] = source.metadata[name]
    if quicktime and "language" in output.metadata:
        language = output.metadata["language"]
        output.metadata["language"] = _BIBLIOGRAPHIC.get(language, language)
    output.disposition = source.disposition.value


def keep_file_labels(path: Path | Stored, output: av.container.OutputContainer, origin: Fraction) -> None:
    """Copies a file's title, creation time and chapters.

    Args:
        origin: time in seconds on the source's clock that the output calls 0.

    Raises:
        av.FFmpegError: the source cannot be opened.
    """
    with av.open(readable(path), metadata_errors="replace") as source:
        for name in ("creation_time", "title"):
            if name in source.metadata:
                output.metadata[name] = source.metadata[name]
        chapters: list[Any] = source.chapters()
        for chapter in chapters:
            unit = chapter["time_base"]
            for end in ("start", "end"):
                chapter[end] = max(0, chapter[end] - round(origin / unit))
        output.set_chapters(chapters)


def _holds(container: str, stream: av.AudioStream) -> bool:
    """Whether a container takes a track as it is: asked of a container that nobody keeps."""
    try:
        with av.open(BytesIO(), "w", format=container) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
