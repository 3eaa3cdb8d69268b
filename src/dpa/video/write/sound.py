"""The sound of the source, beside the pictures that are being written."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from dpa.video.decode import path_text

_OPUS_RATE = 48000


class Sound:
    """Copies the sound tracks of a video file packet by packet, as far as the pictures have come.

    Packets go unchanged where the container can hold their codec; other tracks are decoded and encoded anew.
    At most one packet is held.

    Args:
        path: the source file.
        output: the open output container, before its header is written.
        copied: names of the codecs that are copied.
        codec: the encoder for the others.
        origin: time in seconds on the source's clock that the output calls 0.
    """

    def __init__(
        self,
        path: Path,
        output: av.container.OutputContainer,
        copied: frozenset[str],
        codec: str,
        origin: Fraction,
    ) -> None:
        self._output = output
        self._origin = origin
        self._input = av.open(path_text(path), metadata_errors="replace")
        # Tracks without a decoder have no codec context, and nothing is known of them that could be copied.
        streams = [stream for stream in self._input.streams.audio if stream.codec_context is not None]
        self._tracks: dict[int, _Track] = {
            stream.index: _Copy(stream, output)
            if stream.codec_context.name in copied
            else _Encode(stream, output, codec)
            for stream in streams
        }
        self._packets = self._demux(streams)
        self._held: av.Packet | None = next(self._packets, None)

    def copy_until(self, time: Fraction | None) -> None:
        """Writes the sound up to `time` in seconds on the output's clock; all that is left for None."""
        while self._held is not None:
            packet = self._held
            if time is not None and (packet.dts or 0) * packet.time_base - self._origin > time:
                return
            _shift(packet, self._origin)
            for written in self._tracks[packet.stream.index].take(packet):
                self._output.mux(written)
            self._held = next(self._packets, None)
        if time is None:
            for track in self._tracks.values():
                for written in track.take(None):
                    self._output.mux(written)

    def close(self) -> None:
        self._held = None
        self._input.close()

    def _demux(self, streams: list[av.AudioStream]) -> Iterator[av.Packet]:
        # A cut file ends with an error: what came before it is kept.
        with suppress(av.FFmpegError):
            for packet in self._input.demux(streams):
                if packet.size and packet.dts is not None:
                    yield packet


class _Copy:
    def __init__(self, stream: av.AudioStream, output: av.container.OutputContainer) -> None:
        self._stream = output.add_stream_from_template(stream)

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        if packet is None:
            return []
        packet.stream = self._stream
        return [packet]


class _Encode:
    def __init__(self, stream: av.AudioStream, output: av.container.OutputContainer, codec: str) -> None:
        self._source = stream
        rate = _OPUS_RATE if codec == "libopus" else stream.rate
        layout = "mono" if stream.channels == 1 else "stereo"
        # PyAV types a stream by the literal name of its codec, which is a setting here.
        self._stream: Any = output.add_stream(codec, rate=rate, layout=layout)
        context: Any = self._stream.codec_context
        context.open()
        self._resampler = av.AudioResampler(
            format=context.format, layout=layout, rate=rate, frame_size=context.frame_size or None
        )

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        packets: list[av.Packet] = []
        for frame in self._decode(packet):
            for part in self._resampler.resample(frame):
                packets += self._stream.encode(part)
        if packet is None:
            packets += self._stream.encode(None)
        return packets

    def _decode(self, packet: av.Packet | None) -> list[av.AudioFrame | None]:
        try:
            frames: list[av.AudioFrame | None] = list(self._source.decode(packet))
        except av.FFmpegError:
            frames = []
        return [*frames, None] if packet is None else frames


_Track = _Copy | _Encode


def _shift(packet: av.Packet, origin: Fraction) -> None:
    if origin:
        ticks = round(origin / packet.time_base)
        packet.dts = None if packet.dts is None else packet.dts - ticks
        packet.pts = None if packet.pts is None else packet.pts - ticks
