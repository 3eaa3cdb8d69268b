"""One sound track on its way into the output: copied as it is, or decoded and encoded anew."""

from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np

from dpa.errors import reason

_GAP = Fraction(1, 5)
"""Seconds by which decoded sound may be away from the samples counted so far before the gap is kept."""
_OPUS_RATE = 48000
_LOUDEST = 16.0
"""A sample of whole sound is below it; full scale is 1."""


class TrackError(Exception):
    """A track cannot be written; one sentence that says which, and why. Never leaves `Sound`."""


class Track(Protocol):
    """What both kinds have.

    Attributes:
        label: what to call it in sentences.
        stream: the output's stream.
        lost: packets that could not be decoded.
    """

    label: str
    stream: Any
    lost: int

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        """The packets to write for one of the source's; for None what is left at the end.

        Raises:
            TrackError: nothing more can come of this track.
        """

    def failed(self, what: str, error: Exception) -> TrackError:
        """The sentence for what went wrong."""


class _Track:
    def __init__(self, label: str) -> None:
        self.label, self.lost = label, 0

    def failed(self, what: str, error: Exception) -> TrackError:
        return TrackError(f"{self.label} is left out from here on: {what} ({reason(error)})")


class Copied(_Track):
    """A track whose packets go unchanged."""

    def __init__(self, label: str, stream: av.AudioStream, output: av.container.OutputContainer) -> None:
        super().__init__(label)
        self.stream = output.add_stream_from_template(stream)

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        if packet is None:
            return []
        packet.stream = self.stream
        return [packet]


class Encoded(_Track):
    """A track that is decoded and encoded anew, mono or stereo, at the nearest rate that the encoder has.

    Times of the output count its samples: those of the source may be too coarse to rise with every packet.
    Gaps in the source stay gaps.

    Raises:
        TrackError: the encoder cannot be opened.
    """

    def __init__(
        self, label: str, stream: av.AudioStream, output: av.container.OutputContainer, codec: str
    ) -> None:
        super().__init__(label)
        self._source = stream
        self._layout = "mono" if stream.channels == 1 else "stereo"
        try:
            rate = _nearest_rate(codec, stream.rate)
            # A stream cannot be taken back from a container: the encoder is tried alone first.
            trial: Any = av.CodecContext.create(codec, "w")
            trial.sample_rate, trial.layout = rate, self._layout
            trial.format = trial.codec.audio_formats[0]
            trial.open()
        except (av.FFmpegError, ValueError) as error:
            raise TrackError(f"{label} is left out: {codec} cannot encode it ({reason(error)})") from error
        # PyAV types a stream by the literal name of its codec, which is a setting here.
        self.stream: Any = output.add_stream(codec, rate=rate, layout=self._layout)
        context: Any = self.stream.codec_context
        context.open()
        self._rate, self._format = rate, context.format
        self._resampler: av.AudioResampler | None = None
        self._setup: tuple[Any, ...] = ()
        self._waiting = av.AudioFifo()
        self._next: int | None = None  # time of the first sample that waits, in samples
        self._came = 0

    def take(self, packet: av.Packet | None) -> list[av.Packet]:
        frames = self._decoded(packet)
        try:
            packets = [done for frame in frames for done in self._encoded(self._resampled(frame))]
            if packet is None:
                if not self._came and self.lost:
                    raise TrackError(f"{self.label} is left out: nothing of it can be decoded")
                packets += self._encoded(self._resampled(None))
                packets += self._encoded([], everything=True)
                packets += self.stream.encode(None)
        except (av.FFmpegError, ValueError) as error:
            raise self.failed("it cannot be encoded anew", error) from error
        return packets

    def _decoded(self, packet: av.Packet | None) -> list[av.AudioFrame]:
        try:
            return [frame for frame in self._source.decode(packet) if self._is_next(frame, packet)]
        except av.EOFError:
            return []
        except av.FFmpegError:
            self.lost += packet is not None
            return []

    def _is_next(self, frame: av.AudioFrame, packet: av.Packet | None) -> bool:
        """Keeps gaps, and leaves out what overlaps the sound before it."""
        time = frame.time_base * frame.pts if frame.pts is not None and frame.time_base else None
        self._came += 1
        if self._next is None:
            self._next = round((time or 0) * self._rate)
            return True
        if time is None:
            return True
        ahead = time - Fraction(self._next + self._waiting.samples, self._rate)
        if ahead > _GAP:
            self._next += round(ahead * self._rate)
        return ahead > -_GAP

    def _resampled(self, frame: av.AudioFrame | None) -> list[av.AudioFrame]:
        if frame is None:
            return self._resampler.resample(None) if self._resampler is not None else []
        # Times are counted here and not by the resampler, which wants those that it is given to rise.
        frame.pts = None
        setup = (frame.format.name, frame.layout.name, frame.sample_rate)
        before: list[av.AudioFrame] = []
        if setup != self._setup:
            before = self._resampled(None)
            self._resampler = av.AudioResampler(self._format, self._layout, self._rate)
            self._setup = setup
        assert self._resampler is not None
        return [*before, *self._resampler.resample(frame)]

    def _encoded(self, frames: list[av.AudioFrame], everything: bool = False) -> list[av.Packet]:
        for frame in map(_playable, frames):
            frame.pts = None
            self._waiting.write(frame)
        packets: list[av.Packet] = []
        size = self.stream.codec_context.frame_size or max(1, self._waiting.samples)
        while part := self._waiting.read(size, partial=everything):
            part.pts, part.time_base = self._next, Fraction(1, self._rate)
            self._next = (self._next or 0) + part.samples
            packets += self.stream.encode(part)
        return packets


def _playable(frame: av.AudioFrame) -> av.AudioFrame:
    """Clips what damage made of samples, as players do: of 1e5 FFmpeg's AAC encoder finds no end."""
    if not frame.format.name.startswith("flt"):
        return frame
    samples = frame.to_ndarray()
    if np.abs(samples).max() < _LOUDEST:  # false for what is no number, too
        return frame
    clipped = np.clip(np.nan_to_num(samples), -1, 1)
    result = av.AudioFrame.from_ndarray(clipped, frame.format.name, frame.layout.name)
    result.sample_rate = frame.sample_rate
    return result


def _nearest_rate(codec: str, rate: int) -> int:
    rates = [_OPUS_RATE] if codec == "libopus" else av.Codec(codec, "w").audio_rates
    return min(rates, key=lambda other: (abs(other - rate), -other)) if rates else rate
