"""The training loss (paper, section 3.6)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dpa.model.precision import full_precision
from dpa.train.data.border import ONE


def soft_iou_loss(probability: Tensor, mask: Tensor) -> Tensor:
    """1 - sum(min(p, y)) / sum(max(p, y)), per picture, then the mean.

    Args:
        probability: (B, 1, H, W) in [0, 1].
        mask: (B, 1, H, W) in [0, 1].
    """
    dims = (1, 2, 3)
    least = torch.minimum(probability, mask).sum(dims)
    most = torch.maximum(probability, mask).sum(dims)
    return (1 - least / most.clamp_min(1e-6)).mean()


def loss(
    predictions: list[Tensor],
    mask: Tensor,
    bce: float = 0.0,
    boundary: float = 0.0,
    border: Tensor | None = None,
) -> Tensor:
    """Mean over the predictions of the soft IoU loss, plus `bce` times binary cross entropy.

    Args:
        predictions: probabilities, each (B, 1, H, W), float32.
        mask: (B, 1, H, W) in [0, 1].
        bce: weight of the cross entropy; the paper has none.
        boundary: extra weight of the cross entropy near the object's border: 1 + boundary * border / ONE.
        border: (B, 1, H, W) int32, see `dpa.train.data.border`; None for the same weight everywhere.
    """
    # In float32: half precision's sums overflow, and near 1 it has no logarithm to speak of.
    with full_precision(mask.device.type):
        mask = mask.float()  # mixed precision narrows what a module is given
        weight = None if border is None else 1 + boundary / ONE * border.float()
        total = mask.new_zeros(())
        for probability in predictions:
            total = total + soft_iou_loss(probability, mask)
            if bce:
                total = total + bce * F.binary_cross_entropy(probability, mask, weight)
        return total / len(predictions)
