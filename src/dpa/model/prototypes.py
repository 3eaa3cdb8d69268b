"""Prototypes of a feature map, and its correlation with prototypes (paper, section 3.2)."""

import torch
from torch import Tensor

_EPSILON = 1e-6


def prototypes(x: Tensor) -> Tensor:
    """Summarise a map by D prototypes: P = softmax_hw(x) x^T.

    Each channel is soft-maxed over space to an attention map; the map's weighted mean of the
    features is one prototype. The maps carry no gradient, the features they average do.

    Args:
        x: (B, D, h, w), squeezed features.

    Returns:
        (B, D prototypes, D dimensions).
    """
    flat = x.flatten(2)  # (B, D, hw)
    maps = flat.detach().softmax(dim=-1)
    return maps @ flat.transpose(1, 2)


def correlation(p: Tensor, x: Tensor) -> Tensor:
    """Cosine similarity of every prototype with every position.

    Args:
        p: (B, D, D) prototypes.
        x: (B, D, h, w) squeezed features.

    Returns:
        (B, D, h, w) in [-1, 1].
    """
    flat = _unit(x.flatten(2), dim=1)  # (B, D, hw)
    return (_unit(p, dim=-1) @ flat).view(x.shape)


def _unit(x: Tensor, dim: int) -> Tensor:
    # Norms not in half precision: squares overflow and the epsilon vanishes there.
    wide = at_least_float32(x)
    return (wide / wide.norm(dim=dim, keepdim=True).clamp_min(_EPSILON)).to(x.dtype)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision in float32; float32 and float64 as they are."""
    return x if x.dtype == torch.float64 else x.float()
