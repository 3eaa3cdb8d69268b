"""Small videos and pictures with known content, for the tests of reading and writing."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from dpa.errors import TruncatedError
from dpa.flow.colour import flow_to_image
from dpa.video import Sink, Source
from dpa.video.segmented import Segmented

SIZE = (48, 64)


def picture(index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3) uint8: a smooth background and a bright block that moves, different for every index."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = np.stack([60 + 60 * x / width, 60 + 60 * y / height, np.full_like(x, 90)], axis=2)
    left = index * 3 % max(width - 8, 1)
    image[height // 3 : height // 3 + 8, left : left + 8] = (230, 40 + index * 7 % 160, 30)
    return image.astype(np.uint8)


def corners(size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 3) uint8: red top left, green top right, blue bottom left, white bottom right."""
    height, width = size
    image = np.full((height, width, 3), 235, np.uint8)
    image[: height // 2, : width // 2] = (200, 30, 30)
    image[: height // 2, width // 2 :] = (30, 180, 30)
    image[height // 2 :, : width // 2] = (30, 30, 200)
    return image


def make_video(
    path: Path,
    images: Sequence[np.ndarray] | int = 6,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: Fraction | int = 25,
    stamps: Sequence[int] | None = None,
    unit: Fraction | None = None,
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
    turn: tuple[int, int, int, int] | None = None,
    sound: str | None = None,
    container: str | None = None,
    aspect: Fraction | None = None,
) -> Path:
    """Encodes pictures; `stamps` (in `unit` seconds) vary the rate, `turn` is a, b, c, d of the matrix."""
    frames = [picture(index) for index in range(images)] if isinstance(images, int) else list(images)
    with av.open(str(path), "w", format=container, container_options=muxing or {}) as output:
        stream: Any = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        unit = unit or 1 / Fraction(rate)
        stream.codec_context.time_base = stream.time_base = unit
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        track = None if sound is None else _sound_track(output, sound)
        for index, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = (index if stamps is None else stamps[index]), unit
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if track is not None:
            _fill(output, track, seconds=float((frame.pts + 1) * unit))
    if turn is not None:
        _turn(path, turn)
    return path


def _turn(path: Path, turn: tuple[int, int, int, int]) -> None:
    """Writes a display matrix into the header of the first track of an MP4 (ISO/IEC 14496-12, 8.3.2)."""
    a, b, c, d = (value << 16 for value in turn)
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd", data.index(b"moov")) + 44
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def _sound_track(output: Any, codec: str) -> Any:
    track = output.add_stream(codec, rate=48000, layout="mono")
    track.codec_context.open()
    return track


def _fill(output: Any, track: Any, seconds: float) -> None:
    context = track.codec_context
    size = context.frame_size or 960
    rng = np.random.default_rng(3)
    resampler = av.AudioResampler(format=context.format, layout="mono", rate=48000)
    for start in range(0, round(seconds * 48000), size):
        wave = (rng.normal(0, 2000, (1, size))).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave, "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        for part in resampler.resample(frame):
            output.mux(track.encode(part))
    output.mux(track.encode(None))


def make_sound(
    path: Path,
    codec: str,
    rate: int = 48000,
    seconds: int = 1,
    layout: str = "mono",
    labels: dict[str, str] | None = None,
    peak: float | None = None,
) -> Path:
    """A clip of 25 pictures a second with noise; its first floating-point sample can be set."""
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        track: Any = output.add_stream(codec, rate=rate, layout=layout)
        track.metadata.update(labels or {})
        context = track.codec_context
        context.open()
        for index in range(25 * seconds):
            output.mux(video.encode(av.VideoFrame.from_ndarray(picture(index), "rgb24")))
        output.mux(video.encode(None))
        resampler = av.AudioResampler(context.format, layout, rate, context.frame_size or 1024)
        wave = np.random.default_rng(3).normal(0, 2000, (1, rate * seconds)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave, "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            if peak is not None:
                plane = np.frombuffer(part.planes[0], np.float32)
                plane[::7], peak = peak, None
            output.mux(track.encode(part))
        output.mux(track.encode(None))
    return path


def damage(path: Path) -> Path:
    """Overwrites the first packet of a video file that is not a key frame with noise."""
    with av.open(str(path)) as container:
        packet = next(packet for packet in container.demux(video=0) if packet.pts and not packet.is_keyframe)
        start, size = packet.pos or 0, packet.size
    data = bytearray(path.read_bytes())
    data[start : start + size] = np.random.default_rng(0).integers(0, 255, size, np.uint8).tobytes()
    path.write_bytes(data)
    return path


def read_until_error(source: Source) -> tuple[list[int], str]:
    """The indices of the frames that come before a `TruncatedError`, and what it says."""
    got: list[int] = []
    try:
        for frame in source.frames():
            got.append(frame.index)
    except TruncatedError as error:
        return got, str(error)
    raise AssertionError("the source raised nothing")


def make_folder(folder: Path, names: Sequence[str], size: tuple[int, int] = SIZE) -> Path:
    """Writes one picture a name."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        Image.fromarray(picture(index, size)).save(folder / name)
    return folder


def results(index: int, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the engine hands to a sink: probability (a soft disc that moves), mask and flow picture."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(y - height / 2, x - width / 3 - index * 2) - min(size) / 4
    probability = (1 / (1 + np.exp(np.clip(away, -40, 40)))).astype(np.float32)
    motion = np.dstack([np.where(probability > 0.5, 2.0, 0.1), np.zeros_like(x)]).astype(np.float32)
    return probability, probability > 0.5, flow_to_image(motion)


def run(
    source: Source, sink: Sink, stop: int | None = None, error: type[BaseException] | None = None
) -> None:
    """Feeds a sink from its start to the source's end, or to frame `stop` and raises `error` there."""
    for frame in source.frames(sink.start):
        if frame.index == stop:
            if error is not None:
                raise error
            return
        sink.write(Segmented(frame, *results(frame.index, source.size)))


def close_to(image: np.ndarray, other: np.ndarray, mean: float = 4.0) -> bool:
    """Whether two pictures of one size differ by at most `mean` grey levels on average."""
    return image.shape == other.shape and float(np.abs(image.astype(int) - other).mean()) <= mean
