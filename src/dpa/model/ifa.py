"""Inter-frame attention: the query frame reads the prototypes of reference frames (paper, section 3.4)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpa.model.ima import fusion
from dpa.model.prototypes import correlation, prototypes


class IFA(nn.Module):
    """Inter-frame attention on stage 5 of one stream.

    Args:
        channels: C of stage 5.
        dim: D.
        own_value: V has a projection of its own; otherwise it is K.
    """

    def __init__(self, channels: int, dim: int, *, own_value: bool = True) -> None:
        super().__init__()
        self.key = nn.Conv2d(channels, dim, 1)
        self.value = nn.Conv2d(channels, dim, 1) if own_value else None
        self.fuse = fusion(channels, dim)

    def memory(self, f5: Tensor) -> tuple[Tensor, Tensor]:
        """A reference frame's prototypes.

        Args:
            f5: (B, C, h, w), the plain encoder's stage 5, from a reference frame.

        Returns:
            K and V, each (B, D, D).
        """
        key = prototypes(self.key(f5))
        return key, key if self.value is None else prototypes(self.value(f5))

    def forward(self, f5: Tensor, x: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Read the references.

        Args:
            f5: (B, C, h, w) stage 5 of the query frame, before IMA.
            x: (B, D, h, w) its squeezed feature.
            key, value: (B, N * D, D) prototypes of all references.

        Returns:
            (B, C, h, w): `ifa5`.
        """
        query = prototypes(x)  # (B, D, D)
        read = F.scaled_dot_product_attention(
            query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        ).squeeze(1)
        fused: Tensor = self.fuse(torch.cat([f5, correlation(read, x)], dim=1))
        return fused
