"""Probabilities along the flow: propagated to frames that the network has not seen, and smoothed."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, reduce

import cv2
import numpy as np

from dpa.arrays import Flow, Probability
from dpa.engine.frame_data import FrameData


def keyed(frames: Iterable[FrameData], every: int) -> Iterator[FrameData]:
    """Say which frames the network is to see: the first, those with index k * every, and the last.

    Above 1 it looks one frame ahead.
    """
    if every == 1:
        yield from frames
        return
    held: FrameData | None = None
    first = True
    for data in frames:
        if held is not None:
            yield replace(held, wanted=first or held.frame.index % every == 0)
            first = False
        held = data
    if held is not None:
        yield held


def propagated(frames: Iterable[FrameData]) -> Generator[FrameData, None, None]:
    """Fill in the probabilities that are missing, from the known ones before and after them.

    The later one is propagated backwards, p_t(x) = p_{t+1}(x + f_t(x)); the earlier one forwards, where the
    flow back is taken to be -f_t(x), which holds where motion is smooth. The two are mixed by their
    distances.

    Args:
        frames: in order; the first and the last have a probability, all have flow.

    Yields:
        The same with a probability for each, in order, as soon as the next known one has come.
    """
    before: Probability | None = None
    passed: list[FrameData] = []
    for data in frames:
        if data.probability is None:
            passed.append(data)
            continue
        if before is not None:
            fields = [grid_flow(one, data.probability.shape) for one in passed]
            between = _between(fields, before, data.probability)
            for earlier, moved in zip(passed[1:], between, strict=True):
                yield replace(earlier, probability=moved)
        yield data
        before, passed = data.probability, [data]


def smoothed(frames: Iterable[FrameData], weight: float) -> Generator[FrameData, None, None]:
    """Mix every frame's probability with those of the frames beside it, moved along the flow.

    p_t(x) becomes (p_t(x) + w q_{t-1}(x - f_{t-1}(x)) + w q_{t+1}(x + f_t(x))) / (1 + 2 w), where q is p at
    half the resolution: a fraction of the work for masks as good (docs/performance.md). What is at the ends,
    or has no flow, is left out of the mean. Looks one frame ahead.

    Args:
        frames: in order, all with a probability; flow may be None where it is not known.
        weight: w, at least 0.
    """
    before: _Step | None = None
    this: _Step | None = None
    for data in frames:
        after = _Step(data)
        if this is not None:
            yield _mixed(before, this, after, weight)
        before, this = this, after
    if this is not None:
        yield _mixed(before, this, None, weight)


def smoothed_with_previous(before: FrameData, data: FrameData, weight: float) -> FrameData:
    """The same where the next frame is not known: mixed with the one before alone.

    Args:
        before: the frame before, not smoothed.
        data: its flow leads on as it came from the frame before (`dpa.flow.stream.LAST_FRAME`).
        weight: as for `smoothed`.
    """
    earlier, this = _Step(before), _Step(data)
    earlier.field = this.field
    return _mixed(earlier, this, None, weight)


class _Step:
    """A frame's data, and at half the resolution its probability and its flow to the next frame."""

    def __init__(self, data: FrameData) -> None:
        assert data.probability is not None
        self.data, self.probability = data, data.probability
        h, w = data.probability.shape
        self.coarse = cv2.resize(data.probability, (-(-w // 2), -(-h // 2)), interpolation=cv2.INTER_AREA)
        self.field = None if data.flow is None else grid_flow(data, self.coarse.shape)


def _mixed(before: _Step | None, this: _Step, after: _Step | None, weight: float) -> FrameData:
    moved = []
    if before is not None and before.field is not None:
        moved.append(warped(before.coarse, -before.field))
    if after is not None and this.field is not None:
        moved.append(warped(after.coarse, this.field))
    if not moved:
        return this.data
    h, w = this.probability.shape
    beside = cv2.resize(reduce(np.add, moved), (w, h), interpolation=cv2.INTER_LINEAR)
    own = 1 / (1 + weight * len(moved))
    mean = cv2.addWeighted(this.probability, own, beside, weight * own, 0)
    return replace(this.data, probability=mean, beside=tuple(moved))


def _between(fields: list[Flow], before: Probability, after: Probability) -> list[Probability]:
    """Probabilities of the frames between two known ones.

    Args:
        fields: (H, W, 2), of the frame that `before` is of and of those between, n of them.
        before, after: (H, W), n frames apart.

    Returns:
        n - 1 of (H, W).
    """
    n = len(fields)
    forwards, backwards = [before], [after]
    for field in fields[:-1]:
        forwards.append(warped(forwards[-1], -field))
    for field in reversed(fields[1:]):
        backwards.append(warped(backwards[-1], field))
    pairs = zip(forwards[1:], reversed(backwards[1:]), strict=True)
    return [(1 - k / n) * earlier + k / n * later for k, (earlier, later) in enumerate(pairs, start=1)]


def grid_flow(data: FrameData, size: tuple[int, ...]) -> np.ndarray:
    """The flow on a grid of another size, (H, W, 2), in that grid's pixels."""
    (h, w), (full_h, full_w), flow = size, data.frame.image.shape[:2], data.flow
    assert flow is not None
    scale = np.array([w / full_w, h / full_h, 1.0, 1.0])
    return cv2.multiply(cv2.resize(flow, (w, h), interpolation=cv2.INTER_LINEAR), scale)


def warped(probability: Probability, field: Flow) -> Probability:
    """p(x + field(x)), with the border's values outside: (H, W), or (H, W, C) of a few channels."""
    x, y = cv2.split(_grid(*field.shape[:2]) + field)
    return cv2.remap(probability, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=4)
def _grid(h: int, w: int) -> np.ndarray:
    """Every pixel's own place, (H, W, 2): x, y."""
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    return np.stack([x, y], -1)
