"""One video from its frames to its masks: decode, flow, network, masks, each in a thread of its own."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np

from dpa.arrays import Binary, Image, Probability
from dpa.backends import Backend
from dpa.engine.config import SegmenterConfig
from dpa.engine.flow import FlowInput
from dpa.engine.frame_data import FrameData
from dpa.engine.kept import Kept
from dpa.engine.network import Network
from dpa.engine.part import Part
from dpa.engine.propagation import keyed, propagated, smoothed
from dpa.engine.references import Inputs, References, Reservoir, from_file, neighbours
from dpa.engine.refine import refined
from dpa.engine.regions import decided
from dpa.engine.results import Mask
from dpa.engine.shots import OFF, by_shot, live_shots, spans, within
from dpa.engine.threads import Clock, threaded
from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.segmented import enlarged
from dpa.video.source import Source

_HELD = 16
"""Frames that wait at most for the network to see some of them at once."""

T = TypeVar("T")

Edit = Callable[[FrameData], FrameData]
"""Changes a frame's probability, when it has been smoothed and before its mask is finished."""


class Pipeline:
    """The stages of one video.

    Args:
        source: the video.
        motion: its flow pictures.
        backend: the network; None where what it has said is kept.
        config: of a `Segmenter`, all decided.
        clock: times the stages.
        kept: probabilities of this video, made with the same settings: read where they are whole or there is
            no network, else filled.
        edit: see `Edit`.
    """

    def __init__(
        self,
        source: Source,
        motion: FlowInput,
        backend: Backend | None,
        config: SegmenterConfig,
        clock: Clock,
        kept: Kept | None = None,
        edit: Edit | None = None,
    ) -> None:
        self._source, self._motion = source, motion
        self._config, self._clock = config, clock
        seeing = replace(config, mirror=config.mirror and not source.live)
        self._network = None if backend is None else Network(backend, seeing)
        self._kept, self._edit = kept, edit

    def masks(self, start: int = 0, part: Part | None = None) -> Generator[Mask, None, None]:
        """The masks from frame `start` on, in order; `Source.damage` says at the end if some are missing.

        Masks of a part, or of a run that is resumed, are those of an unbroken run, see `Part`.

        Args:
            start: index of the first one.
            part: only its masks, those from `start` on; None for all.
        """
        start = start if part is None else max(start, part.start)
        end = None if part is None else part.end
        # A thread of its own: while masks are finished, the network sees the next frames.
        finished = self._stage("masks", self.finished(self.known(start, part)))
        with closing(finished):
            for mask in finished:
                if mask.index >= start and (end is None or mask.index < end):
                    yield mask

    def known(self, start: int = 0, part: Part | None = None) -> Generator[FrameData, None, None]:
        """Frames with their flow and the network's probabilities: all that `finished` needs for the masks
        from frame `start` on, or for those of a part.
        """
        begin, stop = self._reach(start, part)
        # The frame before is decoded too: the last frame's flow may need it; and the one after, for the flow.
        read = self._source.read(max(0, begin - 1), None if stop is None else stop + 1)
        decoded = self._stage("decode", self._told(self._clock.each("decode", read), part))
        drawn = self._stage("flow", _until(self._motion.stream(decoded, begin), stop))
        return self._stage("network", self._seen(drawn))

    def finished(self, seen: Generator[FrameData, None, None]) -> Generator[Mask, None, None]:
        """The masks of frames that are `known`: settled and refined; closes `seen`."""
        with closing(self.settled(seen)) as settled:
            for data in settled:
                with self._clock.time("masks"):
                    mask = finish(data, self._config)
                yield mask

    def settled(self, seen: Generator[FrameData, None, None]) -> Generator[FrameData, None, None]:
        """Frames that are `known` with probabilities propagated, smoothed and edited; closes `seen`."""
        smooth, edit = self._config.smooth, self._edit
        with closing(seen):
            known = by_shot(seen, propagated) if self._config.every > 1 else seen
            for data in by_shot(known, partial(smoothed, weight=smooth)) if smooth else known:
                yield data if edit is None else edit(data)

    def _reach(self, start: int, part: Part | None) -> tuple[int, int | None]:
        """The first frame that the network sees, and the one after the last; None to the source's end."""
        count, c = self._source.count, self._config
        if count is None and part is not None:
            raise InputError(f"{self._source.name} is live: no part of it can be read alone")
        if count is None or (part is None and start == 0):
            return start, None
        looks = 1 if self._network is None else self._network.dinov2_every
        wanted = Part(start, count) if part is None else replace(part, start=start)
        begin, stop = wanted.reach(count, c.every, self._together, bool(c.smooth), looks)
        return begin, None if part is None or stop == count else stop

    @property
    def _together(self) -> int:
        """Frames that the network sees at once: a live mask waits for no later frame than it must; of others,
        few are held.
        """
        batch = 1 if self._network is None or self._source.live else self._network.batch
        return max(1, min(batch, _HELD // self._config.every))

    def masks_at(self, indices: Iterable[int]) -> Generator[Mask, None, None]:
        """The masks of single frames, found by seeking; neither smoothed nor propagated.

        Cuts are not looked for: references are those of the whole video.

        Raises:
            InputError: the source is live, or a frame cannot be decoded.
        """
        assert self._network is not None
        references = self._references()
        frames = (self._at(index) for index in indices)
        for data in self._network.probabilities(frames, self._network.batch, references, self._clock):
            yield finish(data, self._config)

    def _at(self, index: int) -> FrameData:
        image, *others = neighbours(self._source, index)
        return FrameData(Frame(image, index), self._motion.picture(index, image, *others))

    def _told(self, read: Generator[Frame, None, None], part: Part | None) -> Iterable[Frame]:
        """Frames with their shots. Of files these are known ahead, by a pass of its own that decodes them."""
        source, shots = self._source, self._config.shots
        if part is not None and part.spans is not None:
            return within(read, (span for span in part.spans))
        if source.live:
            return live_shots(read, shots)
        if shots == OFF or source.count == 1:
            return read
        ahead = spans(self._clock.each("shots", source.frames()), shots)
        return within(read, threaded(ahead, size=1, name="shots"))

    def _references(self, span: tuple[int, int] | None = None) -> References | Reservoir:
        network, n = self._network, self._config.references
        assert n is not None
        assert network is not None
        if self._source.live or not network.refers:
            return network.start()
        with self._clock.time("references"):
            return from_file(self._source, n, self._look, network.remember, span) or network.start()

    def _stage(self, name: str, frames: Iterable[T]) -> Generator[T, None, None]:
        return threaded(frames, name=name, wake=self._source.stop)

    def _seen(self, drawn: Generator[FrameData, None, None]) -> Generator[FrameData, None, None]:
        network, kept = self._network, self._kept
        with closing(drawn):
            if kept is not None and (network is None or kept.whole):
                yield from kept.replay(drawn)
                return
            assert network is not None
            known = by_shot(drawn, partial(keyed, every=self._config.every))
            for (_, span), items in groupby(known, key=lambda item: (item.frame.shot, item.frame.span)):
                references, carried = self._references(span), network.carried()
                seen = network.probabilities(items, self._together, references, self._clock, carried)
                yield from seen if kept is None else kept.record(seen)

    def _look(self, index: int, image: Image, *others: Image | None) -> Inputs:
        assert self._network is not None
        return self._network.inputs(image, self._motion.picture(index, image, *others))


def _until(drawn: Generator[FrameData, None, None], stop: int | None) -> Generator[FrameData, None, None]:
    with closing(drawn):
        for data in drawn:
            if stop is not None and data.frame.index >= stop:
                return
            yield data


def finish(data: FrameData, config: SegmenterConfig) -> Mask:
    """The mask of a frame at its own resolution, from its probability at the network's."""
    small, size = data.probability, data.frame.image.shape[:2]
    assert small is not None
    shown = small
    if config.normalise:
        shown = enlarged(small, size)
        low, high = float(shown.min()), float(shown.max())
        small, shown = (np.clip((p - low) / max(high - low, 1e-6), 0, 1) for p in (small, shown))
    if config.refine == "off":
        probability = enlarged(shown, size)
        return Mask(probability > config.threshold, probability, data.frame, data.flow, data.picture)
    alpha = refined(_decided(small, data, config), data.frame.image)
    kept = alpha if config.alpha == "refined" else None
    return Mask(alpha > 127, shown, data.frame, data.flow, data.picture, kept)


def coarse(data: FrameData, config: SegmenterConfig) -> Binary:
    """The mask of a frame on the probability's own grid, (h, w) bool, its edge not refined."""
    assert data.probability is not None
    if config.refine == "off":
        return data.probability > config.threshold
    return _decided(data.probability, data, config) > 0.5


def _decided(small: Probability, data: FrameData, config: SegmenterConfig) -> Probability:
    # Stretched probabilities do not compare with those of other frames.
    beside = () if config.normalise else data.beside
    centred = [_centred(p, config.threshold) for p in (small, *beside)]
    return decided(centred[0], centred[1:])


def _centred(probability: Probability, threshold: float) -> Probability:
    """Stretched below and above the threshold, so that it comes to one half."""
    if threshold == 0.5:
        return probability
    below, above = probability * (0.5 / threshold), 1 - (1 - probability) * (0.5 / (1 - threshold))
    return np.where(probability < threshold, below, above).astype(np.float32)
