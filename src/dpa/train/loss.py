"""The training loss (paper, section 3.6)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from dpa.model.precision import full_precision


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


def loss(predictions: list[Tensor], mask: Tensor, bce: float = 0.0, boundary: float = 0.0) -> Tensor:
    """Mean over the predictions of the soft IoU loss, plus `bce` times binary cross entropy.

    Args:
        predictions: probabilities, each (B, 1, H, W), float32.
        mask: (B, 1, H, W) in [0, 1].
        bce: weight of the cross entropy; the paper has none.
        boundary: extra weight of the cross entropy near the object's border, see `boundary_weight`.
    """
    # In float32: half precision's sums overflow, and near 1 it has no logarithm to speak of.
    with full_precision(mask.device.type):
        mask = mask.float()  # mixed precision narrows what a module is given
        weight = boundary_weight(mask, boundary) if bce and boundary else None
        total = mask.new_zeros(())
        for probability in predictions:
            total = total + soft_iou_loss(probability, mask)
            if bce:
                total = total + bce * F.binary_cross_entropy(probability, mask, weight)
        return total / len(predictions)


def boundary_weight(mask: Tensor, amount: float, size: int = 15) -> Tensor:
    """1 + amount * |mean of the mask around a pixel - the mask there|, as in F3Net (arXiv 1911.11445, eq. 6).

    Args:
        mask: (B, 1, H, W), 0 or 1.
        amount: the weight at a straight border is 1 + amount / 2.
        size: side of the neighbourhood, pixels.
    """
    around = F.avg_pool2d(mask, size, stride=1, padding=size // 2, count_include_pad=False)
    return 1 + amount * (around - mask).abs()
