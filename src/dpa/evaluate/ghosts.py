"""Ghost share: what hangs half-transparent in a cut-out, away from the object's border. Ours, of no paper."""

from pathlib import Path

import cv2
import numpy as np

from dpa.arrays import Alpha
from dpa.errors import InputError

LEAST, MOST = 0.05, 0.95
"""Alpha between these is half-transparent."""
REACH = 1 / 90
"""How far from the border softness is an edge, as a share of the frame's shorter side: 12 pixels of 1080."""


def ghost_share_of(path: Path) -> float:
    """Ghost share of an RGBA picture by its alpha, or of a grey one, by its values.

    Raises:
        InputError: it cannot be read, or is a picture without alpha.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8:
        raise InputError(f"{path}: is no picture of 8 bits: give what --kind rgba or soft writes")
    if picture.ndim == 3 and picture.shape[2] != 4:
        raise InputError(f"{path}: has no alpha: give what --kind rgba or soft writes")
    return ghost_share(picture if picture.ndim == 2 else picture[:, :, 3])


def ghost_share(alpha: Alpha) -> float:
    """Half-transparent pixels away from the object's border, as a share of the object's area.

    The object is what is more than half opaque; its border ends `REACH` outside and inside. A picture without
    object counts its ghosts as a share of itself.

    Args:
        alpha: (H, W) uint8.
    """
    mask = (alpha > 127).view(np.uint8)
    reach = max(1, round(min(alpha.shape) * REACH))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # Beyond the frame the mask goes on.
    edge = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, disk, borderType=cv2.BORDER_REPLICATE)
    half = (alpha > LEAST * 255) & (alpha < MOST * 255) & (edge == 0)
    return float(np.count_nonzero(half) / (np.count_nonzero(mask) or mask.size))
