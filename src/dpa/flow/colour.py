"""Drawing optical flow as a picture: the Middlebury colour wheel."""

from functools import cache

import numpy as np

from dpa.arrays import Flow, Image

# Hues between which the wheel runs, and the number of steps from each to the next (Baker et al., "A Database
# and Evaluation Methodology for Optical Flow", IJCV 2011): perceptually even, hence the uneven counts.
_HUES = np.array(
    [(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 0, 0)],
    dtype=np.float64,
)
_STEPS = (15, 6, 4, 11, 13, 6)

# Beyond this a Middlebury .flo value means "unknown".
_UNKNOWN = 1e9


@cache
def _wheel() -> np.ndarray:
    """The wheel's hues as (3, 56) float32 in [0, 1]: one row a channel, the first hue again at the end."""
    hues = []
    for start, end, steps in zip(_HUES[:-1], _HUES[1:], _STEPS, strict=True):
        ramp = (255 * np.arange(steps) // steps)[:, None]
        hues.append(np.where(end > start, ramp, np.where(end < start, 255 - ramp, start)))
    wheel = np.concatenate([*hues, hues[0][:1]]).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(wheel.T)


def flow_to_image(flow: Flow, floor: float = 0.0) -> Image:
    """Draw a flow field: hue is direction, saturation is length, white is rest.

    The scale is the field's own largest length, so the picture of a flow and of twice that flow are the same.
    With `floor` 0 the result is that of `torchvision.utils.flow_to_image`. A positive `floor` stops the scale
    from falling below that many pixels: the noise of a near-static pair then stays near white instead of
    being blown up to full colour.

    Args:
        flow: (H, W, 2) float, x then y, pixels. Values that are not finite, or above 1e9 (unknown in
            Middlebury's files), count as no motion.
        floor: least length, in pixels, that is drawn in full colour; not negative.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        ValueError: `flow` is not (H, W, 2), or `floor` is negative or not finite.

    Example:
        >>> to_the_right = np.full((1, 1, 2), (3, 0), np.float32)
        >>> flow_to_image(to_the_right)[0, 0].tolist()
        [255, 0, 0]
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ValueError(f"flow must be (H, W, 2), not {flow.shape}")
    if not 0 <= floor < np.inf:
        raise ValueError(f"floor must be a length in pixels, not {floor}")
    if flow.size == 0:
        return np.zeros((*flow.shape[:2], 3), np.uint8)
    x, y = _known(flow)
    longest = np.sqrt(x * x + y * y).max()
    scale = max(longest, np.float32(floor)) + np.finfo(np.float32).eps
    return _draw(x / scale, y / scale)


def _known(flow: Flow) -> tuple[np.ndarray, np.ndarray]:
    """The two components as contiguous float32 planes, unknown vectors zeroed."""
    x = flow[..., 0].astype(np.float32, order="C")
    y = flow[..., 1].astype(np.float32, order="C")
    # A comparison with NaN is false: one test finds all three kinds of unknown.
    known = (np.abs(x) <= _UNKNOWN) & (np.abs(y) <= _UNKNOWN)
    if not known.all():
        x[~known] = 0
        y[~known] = 0
    return x, y


def _draw(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Colour components of length at most 1: each (H, W) float32; gives (H, W, 3) uint8.

    The last bit matters: results are floored, and a full channel is exactly 255 only if every operation is
    done in float32 and in this order.
    """
    wheel = _wheel()
    radius = np.sqrt(x * x + y * y)
    # Libraries' float32 arctangents differ in the last bit, their float64 ones agree once rounded.
    angle = np.arctan2(-y, -x, dtype=np.float64).astype(np.float32)
    place = (angle / np.float32(np.pi) + 1) / 2 * (wheel.shape[1] - 2)
    low = place.astype(np.int32)
    part = place - low.astype(np.float32)
    rest = 1 - part
    picture = np.empty((*x.shape, 3), np.uint8)
    for channel, hues in enumerate(wheel):
        colour = rest * hues.take(low)
        colour += part * hues.take(low + 1)
        colour = 1 - radius * (1 - colour)
        colour *= 255
        picture[..., channel] = colour
    return picture
