"""Alpha and foreground colours: what is needed to put the object before another background without a halo."""

import cv2
import numpy as np

_OPAQUE, _CLEAR = 0.9, 0.1
_RADII = (90, 6)
_EPSILON = 1e-5


def alpha_of(probability: np.ndarray) -> np.ndarray:
    """Alpha from the network's probability: a ramp from 0 at 0.1 to 1 at 0.9, so that the inside is opaque.

    Args:
        probability: (H, W) float32 in [0, 1].

    Returns:
        (H, W) float32 in [0, 1].
    """
    return np.clip((probability - _CLEAR) / (_OPAQUE - _CLEAR), 0, 1).astype(np.float32)


def foreground(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimates the object's own colours where the background shines through.

    Blur fusion, applied twice (M. Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021): with F
    and B the means of foreground and background around a pixel, weighted by alpha and 1 - alpha, the
    foreground is F + alpha (I - alpha F - (1 - alpha) B). Opaque pixels keep their colour exactly. Only the
    surroundings of the object are computed; farther away the image's own colours are returned as zero.

    Args:
        image: (H, W, 3) uint8 RGB.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 3) float32 in [0, 255].
    """
    result = np.zeros(image.shape, np.float32)
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if len(rows) == 0:
        return result
    margin = _RADII[0]
    window = tuple(
        slice(max(int(found[0]) - margin, 0), min(int(found[-1]) + margin + 1, limit))
        for found, limit in zip((rows, columns), alpha.shape, strict=True)
    )
    part, share = image[window].astype(np.float32), alpha[window][:, :, None]
    fore, back = part, part
    for radius in _RADII:
        fore, back = _blur_fusion(part, fore, back, share, radius)
    result[window] = np.where(share >= 1, part, np.clip(fore, 0, 255))
    return result


def _blur_fusion(
    image: np.ndarray, fore: np.ndarray, back: np.ndarray, alpha: np.ndarray, radius: int
) -> tuple[np.ndarray, np.ndarray]:
    box = (radius, radius)
    weight = cv2.blur(alpha, box)[:, :, None]
    mean_fore = cv2.blur(fore * alpha, box) / (weight + _EPSILON)
    mean_back = cv2.blur(back * (1 - alpha), box) / (1 - weight + _EPSILON)
    return mean_fore + alpha * (image - alpha * mean_fore - (1 - alpha) * mean_back), mean_back
