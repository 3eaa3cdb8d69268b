"""The example clip as files: the video with its sound, the true masks, and how well given masks fit them."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from dpa.errors import InputError, OutputError
from dpa.evaluate.measures import region_similarity
from dpa.example.scene import RATE, Scene

SOUND_RATE = 48_000  # samples a second
SOUND_BLOCK = 1024  # samples; what one AAC frame holds


@dataclass(frozen=True)
class Fit:
    """How masks fit the true ones: `j` is the mean intersection over union, `worst` the worst frame's."""

    j: float
    worst: float
    frames: int


def write_clip(path: Path, scene: Scene, masks: Path | None = None, overwrite: bool = False) -> None:
    """Write the clip as H.264 with a tone as AAC sound, and its true masks as 1-bit PNGs (00000.png on).

    Args:
        path: the video; its suffix says the container (.mp4, .mov, .mkv).
        scene: what is shown.
        masks: a folder for the masks; made where it is missing.
        overwrite: replace an existing video.

    Raises:
        OutputError: the video exists, or one of the places cannot be written.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already: choose another name, or --overwrite")
    if path.suffix.lower() not in (".mp4", ".mov", ".mkv"):
        raise OutputError(f"{path}: the example clip is written as .mp4, .mov or .mkv")
    unfinished = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if masks is not None:
            masks.mkdir(parents=True, exist_ok=True)
        with av.open(str(unfinished), "w") as container:
            _encode(container, scene, masks)
        unfinished.replace(path)
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # nothing there, or a place where nothing can be
            unfinished.unlink()


def _encode(container: av.container.OutputContainer, scene: Scene, masks: Path | None) -> None:
    video = container.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": "veryfast"})
    video.width, video.height, video.pix_fmt = scene.width, scene.height, "yuv420p"
    sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
    blocks = _tone(scene.frames / RATE)
    for index, (image, mask) in enumerate(scene):
        container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        if masks is not None:
            Image.fromarray(mask).save(masks / f"{index:05d}.png")
        due = int((index + 1) / RATE * SOUND_RATE / SOUND_BLOCK)
        for block in itertools.islice(blocks, max(0, due - int(index / RATE * SOUND_RATE / SOUND_BLOCK))):
            container.mux(sound.encode(block))
    for block in blocks:
        container.mux(sound.encode(block))
    container.mux(video.encode(None))
    container.mux(sound.encode(None))


def _tone(seconds: float) -> Iterator[av.AudioFrame]:
    """A soft fifth that swells once a second, in blocks."""
    total = int(seconds * SOUND_RATE)
    for start in range(0, total, SOUND_BLOCK):
        time = np.arange(start, min(start + SOUND_BLOCK, total)) / SOUND_RATE
        wave = np.sin(2 * np.pi * 220 * time) + 0.6 * np.sin(2 * np.pi * 330 * time)
        wave *= 0.08 * (1 - 0.7 * np.cos(2 * np.pi * time))
        block = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        yield block


def measure(masks: Path, scene: Scene) -> Fit:
    """Compare a folder of masks, one PNG a frame in the order of their names, with the true masks.

    Raises:
        InputError: not as many masks as frames, a mask of another size, or a file that is no picture.
    """
    paths = sorted(masks.glob("*.png"))
    if len(paths) != scene.frames:
        raise InputError(f"{masks}: {len(paths)} masks, but the example clip has {scene.frames} frames")
    return fit(zip((_read(path, scene) for path in paths), scene.masks(), strict=True))


def fit(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> Fit:
    """Compare pairs of masks, (H, W) bool each: prediction, ground truth."""
    scores = [region_similarity(*pair) for pair in pairs]
    return Fit(float(np.mean(scores)), float(np.min(scores)), len(scores))


def _read(path: Path, scene: Scene) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            mask = np.asarray(picture.convert("L")) >= 128
    except OSError as error:
        raise InputError(f"{path}: not a picture that can be read") from error
    if mask.shape != (scene.height, scene.width):
        size = f"{mask.shape[1]} x {mask.shape[0]}"
        raise InputError(f"{path}: {size} pixels, but the clip has {scene.width} x {scene.height}")
    return mask
