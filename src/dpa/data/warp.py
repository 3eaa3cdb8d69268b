"""The frame after a still, by a motion field."""

import cv2
import numpy as np


def second_frame(image: np.ndarray, mask: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move every pixel along its motion; the object passes in front of the background.

    What was hidden or outside before is filled from what is nearest.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W), above half of its type's range where the object is (uint8 0 to 255, or float 0 to 1).
        field: (H, W, 2) float32, pixels, from this frame to the next.

    Returns:
        The next frame, (H, W, 3) uint8, and the object's mask in it, (H, W) uint8, 0 or 255.
    """
    h, w = mask.shape
    solid = mask > (127 if mask.dtype == np.uint8 else 0.5)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    to_x, to_y = np.rint(x + field[..., 0]).astype(int), np.rint(y + field[..., 1]).astype(int)
    inside = (to_x >= 0) & (to_x < w) & (to_y >= 0) & (to_y < h)
    # Where the pixel that has come to a place started, relative to it. The object is written last: it covers.
    back, owner = np.zeros((h, w, 2), np.float32), np.full((h, w), 2, np.uint8)
    for layer in (0, 1):
        moved = inside & (solid == layer)
        back[to_y[moved], to_x[moved]] = field[moved]
        owner[to_y[moved], to_x[moved]] = layer
    hole = owner == 2
    if hole.all():
        return image.copy(), np.where(solid, np.uint8(255), np.uint8(0))
    _, labels = cv2.distanceTransformWithLabels(
        hole.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = np.zeros(labels.max() + 1, np.int64)
    nearest[labels[~hole]] = np.flatnonzero(~hole)
    source = nearest[labels[hole]]
    back[hole], owner[hole] = back.reshape(-1, 2)[source], owner.reshape(-1)[source]
    moved_image = cv2.remap(
        image, x - back[..., 0], y - back[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return moved_image, owner * np.uint8(255)
