"""Inter-modality attention: each stream's prototypes, refined, and exchanged between the streams
(paper, section 3.3)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpa.model.precision import full_precision
from dpa.model.prototypes import at_least_float32, correlation, prototypes


class TokenAttention(nn.Module):
    """A residual non-local block over tokens: query and value from the own tokens, key from the other's.

    One BN + ReLU serves both inputs. The attention is not scaled by 1 / sqrt(d). Among the prototypes `own`
    and `other` are the same.

    Args:
        dim: D of the tokens.
        raw_residual: the residual adds to the tokens as they came (among prototypes), not to the normalised
            ones (between the modalities).
    """

    def __init__(self, dim: int, *, raw_residual: bool = False) -> None:
        super().__init__()
        self.raw_residual = raw_residual
        self.norm = nn.BatchNorm1d(dim)
        self.query = nn.Linear(dim, dim // 2)
        self.key = nn.Linear(dim, dim // 2)
        self.value = nn.Linear(dim, dim // 2)
        self.back = nn.Linear(dim // 2, dim)

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """(B, n, D), (B, n, D) -> (B, n, D)."""
        tokens = self._normalise(own)
        q, v = self.query(tokens), self.value(tokens)
        k = self.key(tokens if other is own else self._normalise(other))
        # The leading 1 is the head: fused kernels want (B, heads, n, d), and keep no (n, n) matrix.
        read = F.scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1), scale=1.0)
        return (own if self.raw_residual else tokens) + self.back(read.squeeze(1))

    def _normalise(self, tokens: Tensor) -> Tensor:
        return F.relu(self.norm(tokens.transpose(1, 2))).transpose(1, 2)


class EdgeConv(nn.Module):
    """Dynamic graph convolution (Wang et al. 2019, "Dynamic Graph CNN"): every node with its k nearest.

    A 1x1 convolution without bias of [neighbour - self, self], BN, LeakyReLU 0.2, and the maximum
    over the neighbours. A node is its own nearest neighbour, as in the original.
    """

    def __init__(self, dim: int, neighbours: int = 10) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.weight = nn.Parameter(torch.empty(dim, 2 * dim))
        self.norm = nn.BatchNorm2d(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n nodes, D) -> (B, n nodes, D)."""
        # W [neighbour - self, self] = A neighbour + (B - A) self: the product is per node, not per edge.
        dim = x.shape[-1]
        a, b = self.weight[:, :dim], self.weight[:, dim:]
        if self.training:
            edges = self._of_neighbours(F.linear(x, a), x) + F.linear(x, b - a).unsqueeze(2)  # (B, n, k, D)
            edges = F.leaky_relu(self.norm(edges.permute(0, 3, 1, 2)), 0.2)  # (B, D, n, k)
            # By index: amax's gradient looks for the values that equal the maximum, and divides by their
            # number. A compiler that computes them anew without rounding to bfloat16 finds none: 0 / 0.
            return edges.max(dim=-1).values.transpose(1, 2)
        # BN is then a scale and a shift by channel, which go into the product, and LeakyReLU keeps the order:
        # the maximum can be taken first, so that all else is per node too.
        assert self.norm.running_var is not None
        assert self.norm.running_mean is not None
        scale = self.norm.weight * (self.norm.running_var + self.norm.eps).rsqrt()
        shift = self.norm.bias - scale * self.norm.running_mean
        nearest = self._of_neighbours(F.linear(x, scale.unsqueeze(1) * a), x).amax(dim=2)
        return F.leaky_relu(nearest + F.linear(x, scale.unsqueeze(1) * (b - a), shift), 0.2)

    def _of_neighbours(self, y: Tensor, x: Tensor) -> Tensor:
        """Rows of y (B, n, D) that belong to every node's nearest in x: (B, n, k, D)."""
        first = y.shape[1] * torch.arange(y.shape[0], device=y.device)  # row of every sample
        return y.flatten(0, 1)[self._nearest(x) + first[:, None, None]]

    def _nearest(self, x: Tensor) -> Tensor:
        x = at_least_float32(x.detach())
        square = x.square().sum(dim=-1)
        with full_precision(x.device.type):  # distances are differences of squares
            distance = square.unsqueeze(2) + square.unsqueeze(1) - 2 * x @ x.transpose(1, 2)  # (B, n, n)
        return distance.topk(self.neighbours, dim=-1, largest=False).indices


class PrototypeRefinement(nn.Module):
    """The prototypes among themselves: a non-local block, then three EdgeConv layers."""

    def __init__(self, dim: int, neighbours: int, raw_residual: bool = True) -> None:
        super().__init__()
        self.attention = TokenAttention(dim, raw_residual=raw_residual)
        self.graph = nn.Sequential(*(EdgeConv(dim, neighbours) for _ in range(3)))

    def forward(self, p: Tensor) -> Tensor:
        """(B, D, D) -> (B, D, D)."""
        refined: Tensor = self.graph(self.attention(p, p))
        return refined


def fusion(channels: int, dim: int) -> nn.Sequential:
    """concat(f, map) (B, C + D, h, w) -> (B, C, h, w)."""
    return nn.Sequential(nn.Conv2d(channels + dim, channels, 1), nn.BatchNorm2d(channels), nn.ReLU())


class IMA(nn.Module):
    """Inter-modality attention on one stage, all streams.

    With one stream (stage 1 of the training) the exchange with the other modality falls away.
    """

    def __init__(
        self, channels: int, dim: int, neighbours: int, streams: int, *, raw_residual: bool = True
    ) -> None:
        super().__init__()
        self.refine = nn.ModuleList(
            PrototypeRefinement(dim, neighbours, raw_residual) for _ in range(streams)
        )
        self.fuse = nn.ModuleList(fusion(channels, dim) for _ in range(streams))
        self.exchange = nn.ModuleList(TokenAttention(dim) for _ in range(streams if streams > 1 else 0))

    def forward(self, features: list[Tensor], squeezed: list[Tensor]) -> list[Tensor]:
        """Per stream: f (B, C, h, w) and its squeezed x (B, D, h, w) -> fused f (B, C, h, w)."""
        maps = [
            correlation(refine(prototypes(x)), x) for refine, x in zip(self.refine, squeezed, strict=True)
        ]
        if self.exchange:
            tokens = [m.flatten(2).transpose(1, 2) for m in maps]  # (B, hw, D)
            refined = [block(tokens[s], tokens[1 - s]) for s, block in enumerate(self.exchange)]
            maps = [t.transpose(1, 2).unflatten(2, m.shape[2:]) for t, m in zip(refined, maps, strict=True)]
        return [fuse(torch.cat([f, m], dim=1)) for fuse, f, m in zip(self.fuse, features, maps, strict=True)]
