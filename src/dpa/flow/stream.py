"""Flow of every frame of a video, in one pass, by one rule."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator

import cv2
import numpy as np

from dpa.arrays import Flow, Image
from dpa.errors import InputError
from dpa.flow.estimator import FlowEstimator
from dpa.video.frame import Frame

#: The rule of this package, as flow recipes quote it; `pair_flow` is the only place that applies it.
LAST_FRAME = "flow from the last frame to the one before it, negated; a single frame has zero flow"
DIRECTION = "frame t to frame t+1"


def direction(gap: int) -> str:
    """Between which frames the flow is, as recipes say it."""
    return f"frame t to frame t{gap:+d}"


def end_rule(gap: int) -> str:
    """What a frame has that the flow leads nowhere from, as recipes say it."""
    if gap == 1:
        return LAST_FRAME
    return (
        f"where there is no frame t{gap:+d}, flow to frame t{-gap:+d}, negated; where there is neither, zero"
    )


def flow_size(height: int, width: int, size: int | None) -> tuple[int, int]:
    """(height, width) of the grid on which the flow of such frames is computed.

    Args:
        height: of the frame, pixels.
        width: of the frame, pixels.
        size: pixels of the grid's longer side, at least 1; None for the frame's own grid. Never enlarges,
            keeps the aspect to the nearest pixel.

    Raises:
        InputError: `size` is below 1.
    """
    if size is None or size >= max(height, width):
        return height, width
    if size < 1:
        raise InputError(f"flow size must be at least 1 pixel, not {size}")
    ratio = size / max(height, width)
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def reduce(image: Image, size: int | None) -> Image:
    """The picture from which flow is computed: (H, W, 3) uint8 to (h, w, 3) uint8; see `flow_size`."""
    height, width = flow_size(image.shape[0], image.shape[1], size)
    if (height, width) == image.shape[:2]:
        return image
    # By a whole number first where one divides the frame: averaging is ten times as fast then.
    whole = image.shape[0] // height
    if whole > 1 and image.shape[0] % whole == image.shape[1] % whole == 0:
        image = cv2.resize(
            image, (image.shape[1] // whole, image.shape[0] // whole), interpolation=cv2.INTER_AREA
        )
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def pair_flow(
    estimator: FlowEstimator,
    image: Image,
    following: Image | None,
    previous: Image | None = None,
    size: int | None = None,
) -> Flow:
    """The flow of one frame, given its neighbours.

    To the following frame where there is one; else, for the last frame of a video, to the previous one,
    negated; else, for the only frame, zero.

    Args:
        image: (H, W, 3) uint8, RGB.
        following: the next frame of the video, same size; None if `image` is the last.
        previous: the frame before; looked at only if `following` is None.
        size: see `flow_size`.

    Returns:
        (h, w, 2) float32 on the grid of `flow_size`, in pixels of the full frame.

    Raises:
        InputError: the frames differ in size.
    """
    reduced = []
    for other in (following, previous):
        if other is not None:
            _check_sizes(image, other)
        reduced.append(None if other is None else reduce(other, size))
    after, before = reduced
    return _by_rule(estimator, reduce(image, size), after, before, image.shape)


def flows(
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    size: int | None = None,
    skip: Callable[[Frame], bool] | None = None,
    gap: int = 1,
) -> Generator[tuple[Frame, Flow], None, None]:
    """Every frame of a video with its flow, in order, looking `gap` frames ahead: what `pair_flow` gives.

    Memory is that of a few frames, whatever the video's length. Closing the generator closes `frames`.

    Args:
        frames: of one video, in order, all of one size (`Source.read`).
        estimator: see `FlowEstimator`.
        size: see `flow_size`.
        skip: frames for which it is true are neither estimated nor yielded, though their neighbours' flow
            uses them: for work that is half done.
        gap: frames from a frame to the one that its flow leads to, not 0; below 0 it leads back.

    Yields:
        The frame and its flow, (h, w, 2) float32 on the grid of `flow_size`, in pixels of the full frame.

    Raises:
        InputError: the frames differ in size.

    Example:
        >>> from dpa.flow import make_estimator
        >>> from dpa.video import open_source
        >>> with open_source("in.mp4") as source:
        ...     for frame, flow in flows(source.read(), make_estimator("dis")):
        ...         print(frame.index, flow.shape)
        0 (64, 96, 2)
        1 (64, 96, 2)
        2 (64, 96, 2)
    """
    try:
        for frame, before, image, after in _neighbours(frames, size, abs(gap)):
            if gap < 0:
                before, after = after, before
            if skip is None or not skip(frame):
                yield frame, _by_rule(estimator, image, after, before, frame.image.shape)
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


def _neighbours(
    frames: Iterable[Frame], size: int | None, gap: int
) -> Iterator[tuple[Frame, Image | None, Image, Image | None]]:
    """Each frame with the reduced pictures `gap` frames before it, of it and as many after it."""
    held: deque[tuple[Frame, Image]] = deque()
    past: deque[Image] = deque(maxlen=gap)

    def first(after: Image | None) -> tuple[Frame, Image | None, Image, Image | None]:
        frame, image = held.popleft()
        before = past[0] if len(past) == gap else None
        past.append(image)
        return frame, before, image, after

    for frame in frames:
        if held:
            _check_sizes(held[-1][0].image, frame.image)
        image = reduce(frame.image, size)
        held.append((frame, image))
        if len(held) > gap:
            yield first(image)
    while held:
        yield first(None)


def _by_rule(
    estimator: FlowEstimator,
    image: Image,
    after: Image | None,
    before: Image | None,
    full: tuple[int, ...],
) -> Flow:
    """The rule itself, on reduced pictures; `full` is the shape of the frame, whose pixels are the unit."""
    height, width = image.shape[:2]
    if after is not None:
        flow = estimator(image, after)
    elif before is not None:
        flow = -estimator(image, before)
    else:
        return np.zeros((height, width, 2), np.float32)
    if full[:2] != (height, width):
        flow *= np.array([full[1] / width, full[0] / height], np.float32)
    return flow


def _check_sizes(first: Image, second: Image) -> None:
    if first.shape != second.shape:
        sizes = " and ".join(f"{image.shape[1]}x{image.shape[0]}" for image in (first, second))
        raise InputError(f"frames of one video must have one size, not {sizes}: resize or split them")
