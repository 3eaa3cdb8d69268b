"""One frame as it would be in a result, of what is kept: without the network, in a process of its own."""

from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dpa.arrays import Binary, Image
from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Corrected, Correction
from dpa.engine.flow import FlowInput
from dpa.engine.frame_data import FrameData
from dpa.engine.kept import Kept
from dpa.engine.pick import to_add, to_remove
from dpa.engine.pipeline import Edit, Pipeline, coarse
from dpa.engine.results import Mask
from dpa.engine.threads import Clock
from dpa.engine.track import small
from dpa.errors import InputError
from dpa.flow.estimator import choose, make_estimator
from dpa.video.read import open_source
from dpa.video.source import Source
from dpa.video.write.backdrop import GREEN, Backdrop, open_backdrop
from dpa.video.write.paint import OVERLAY_SHARE, Look, painter
from dpa.web.child import Tell
from dpa.web.words import say

_LONGEST = 1280
"""Longer side of a frame that is shown, pixels; larger ones are shrunk, and their masks made at that size."""
_OPEN, _FRAMES = 4, 4
"""Videos that are open at a time, and frames of each that are held."""
_QUALITY = 90


@dataclass(frozen=True)
class Wanted:
    """What is to be shown.

    Attributes:
        source: the upload.
        kept: folder of its probabilities.
        run: settings that the network ran with.
        index: of the frame.
        view: "frame", or a kind of `dpa.video.write.KINDS`.
        count: frames of the video: those that were decoded, where the run is over.
        settings: of masks.
        look: strength and background, see `dpa.web.kinds.checked_look`.
        corrections: see `dpa.batch.Job.corrections`.
    """

    source: str
    kept: str
    run: dict[str, Any]
    index: int
    view: str
    count: int
    settings: dict[str, Any] = field(default_factory=dict)
    look: dict[str, Any] = field(default_factory=dict)
    corrections: tuple[str, ...] = ()


def picture(tell: Tell, wanted: Wanted) -> tuple[str, bytes]:
    """A frame of a result.

    Returns:
        Its type (MIME) and its bytes.

    Raises:
        InputError: there is no such frame, or not yet.
    """
    video = _opened(wanted)
    if wanted.view == "frame":
        return _jpeg(video.image(wanted))
    mask = video.mask(wanted)
    look = Look(
        wanted.look.get("strength", OVERLAY_SHARE), video.backdrop(wanted.look.get("background", GREEN))
    )
    paint = painter(wanted.view, look=look)
    shown = paint(mask.segmented)
    if shown.ndim == 2:
        return "image/png", _encoded(".png", shown, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return _jpeg(shown if shown.shape[2] == 3 else _on_checks(shown))


def seed(tell: Tell, wanted: Wanted, x: float, y: float, folder: str) -> int:
    """Begin a correction: the region under a click on a frame.

    Args:
        x, y: of the click, from 0 to 1.
        folder: of the new `Correction`.

    Returns:
        Pixels of the region, on the probability's grid.

    Raises:
        InputError: there is none.
    """
    correction = Correction(Path(folder))
    region = _opened(wanted).seed(wanted, x, y, correction.adds)
    correction.put(wanted.index, region)
    return int(region.sum())


def forget(tell: Tell, kept: str) -> None:
    """Give back what is held of a video that is gone, by the folder of its probabilities."""
    _Videos.close(kept)


class _Viewed:
    """A video whose frames are looked at."""

    def __init__(self, source: Source, kept: Kept, config: SegmenterConfig) -> None:
        self._source, self._kept, self._config = source, kept, config
        self._frames: OrderedDict[int, list[FrameData]] = OrderedDict()
        self._background, self._backdrop = GREEN, open_backdrop(GREEN)

    def backdrop(self, background: str) -> Backdrop | None:
        """What stands behind the object; the last one stays open."""
        if background != self._background:
            if self._backdrop is not None:
                self._backdrop.close()
            self._background, self._backdrop = GREEN, None
            self._backdrop = open_backdrop(background)
            self._background = background
        return self._backdrop

    def image(self, wanted: Wanted) -> Image:
        """A frame, at the size at which it is shown."""
        for data in self._around(wanted.index, wanted.count):
            if data.frame.index == wanted.index:
                return data.frame.image
        raise InputError(say("error.frame", index=wanted.index))

    def mask(self, wanted: Wanted) -> Mask:
        """The mask of a frame, at the size at which it is shown."""
        known, config = self._around(wanted.index, wanted.count), self._config.changed(wanted.settings)
        pipeline = self._pipeline(config, _corrected(wanted, config))
        for mask in pipeline.finished(_given(known)):
            if mask.index == wanted.index:
                return mask
        raise InputError(say("error.frame", index=wanted.index))

    def seed(self, wanted: Wanted, x: float, y: float, adds: bool) -> Binary:
        """The region under a click, on the probability's grid."""
        known, config = self._around(wanted.index, wanted.count), self._config.changed(wanted.settings)
        settled = self._pipeline(config, _corrected(wanted, config)).settled(_given(known))
        data = next((data for data in settled if data.frame.index == wanted.index), None)
        if data is None:
            raise InputError(say("error.frame", index=wanted.index))
        mask = coarse(data, config)
        assert data.probability is not None
        return to_add(data.probability, mask, small(data), x, y) if adds else to_remove(mask, x, y)

    def close(self) -> None:
        if self._backdrop is not None:
            self._backdrop.close()
        self._source.close()

    def _around(self, index: int, count: int) -> list[FrameData]:
        """A frame and those beside it, as far as its mask depends on them."""
        if index in self._frames:
            self._frames.move_to_end(index)
            return self._frames[index]
        every = self._config.every
        last = min(-(-(index + 1) // every) * every, count - 1)
        if not 0 <= index < count or self._kept.get(last) is None:
            raise InputError(say("error.frame", index=index))
        known = []
        for data in self._pipeline(self._config).known(index):
            known.append(_shrunk(data))
            if data.frame.index >= last:
                break
        self._frames[index] = known
        if len(self._frames) > _FRAMES:
            self._frames.popitem(last=False)
        return known

    def _pipeline(self, config: SegmenterConfig, edit: Edit | None = None) -> Pipeline:
        estimator, clock = _estimator(config.flow), Clock()
        motion = FlowInput(self._source, estimator, config, clock)
        return Pipeline(self._source, motion, None, config, clock, self._kept, edit)


class _Videos:
    """Those that are open, by the folders of their probabilities; the last one asked for is at the end."""

    held: OrderedDict[str, _Viewed] = OrderedDict()  # noqa: RUF012 - one for the process

    @classmethod
    def close(cls, kept: str) -> None:
        video = cls.held.pop(kept, None)
        if video is not None:
            video.close()


def _corrected(wanted: Wanted, config: SegmenterConfig) -> Corrected:
    return Corrected([Correction(Path(folder)) for folder in wanted.corrections], config.threshold)


def _opened(wanted: Wanted) -> _Viewed:
    held, kept = _Videos.held, wanted.kept
    if kept not in held:
        config = SegmenterConfig(**wanted.run, device="cpu")
        held[kept] = _Viewed(open_source(wanted.source), Kept(Path(kept)), config)
        if len(held) > _OPEN:
            _Videos.close(next(iter(held)))
    held.move_to_end(kept)
    return held[kept]


@lru_cache(maxsize=1)
def _estimator(flow: str) -> Any:
    return make_estimator(choose(flow, "cpu")[0], "cpu")


def _given(known: list[FrameData]) -> Generator[FrameData, None, None]:
    yield from known


def _shrunk(data: FrameData) -> FrameData:
    """The same, no larger than is shown: so many 4K frames are not held."""
    height, width = data.frame.image.shape[:2]
    share = _LONGEST / max(height, width)
    if share >= 1:
        return data
    size = (max(1, round(width * share)), max(1, round(height * share)))
    image = cv2.resize(data.frame.image, size, interpolation=cv2.INTER_AREA)
    alpha = data.frame.alpha
    if alpha is not None:
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    flow = None if data.flow is None else data.flow * np.float32(share)
    return replace(data, frame=replace(data.frame, image=image, alpha=alpha), flow=flow)


def _on_checks(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a cut-out before the pattern that stands for nothing."""
    h, w = picture.shape[:2]
    rows, columns = np.arange(h)[:, None] // 12, np.arange(w)[None] // 12
    behind = np.where((rows + columns) % 2, np.uint8(204), np.uint8(255))[..., None]
    share = picture[..., 3:].astype(np.float32) / 255
    return (picture[..., :3] * share + behind * (1 - share) + 0.5).astype(np.uint8)


def _jpeg(image: np.ndarray) -> tuple[str, bytes]:
    return "image/jpeg", _encoded(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _encoded(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    _, data = cv2.imencode(suffix, np.ascontiguousarray(image), options)
    return data.tobytes()
