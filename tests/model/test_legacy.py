"""Weights of dpa-mobile 0.3 in today's network: the function is the same, the layers are others."""

import pytest
import torch
from model_samples import fill, smooth
from torch import Tensor, nn

from dpa.model.decoder import ASPP, ResidualBlock, conv_bn_relu
from dpa.model.legacy import is_legacy, modern

WIDTH, FEW = 6, 4


class Before(nn.Module):
    """The decoder's parts as they were: coarser features first, a 1x1 convolution last, a bare pool."""

    def __init__(self) -> None:
        super().__init__()
        self.merge5, self.merge4 = ResidualBlock(2 * WIDTH, WIDTH), ResidualBlock(2 * WIDTH, FEW)
        self.merge4.out = conv_bn_relu(2 * WIDTH, FEW, 1)
        self.aspp = ASPP(WIDTH)
        self.aspp.pool = nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU())

    def forward(self, coarse: Tensor, finer: Tensor) -> tuple[Tensor, Tensor]:
        merged = self.merge5(torch.cat([coarse, finer], dim=1))
        return self.aspp(merged), self.merge4(torch.cat([merged, finer], dim=1))


class Now(nn.Module):
    """The same parts as METHOD.md has them."""

    def __init__(self) -> None:
        super().__init__()
        self.merge5 = ResidualBlock(2 * WIDTH, WIDTH)
        self.merge4 = nn.Sequential(ResidualBlock(2 * WIDTH, WIDTH), nn.Conv2d(WIDTH, FEW, 1))
        self.aspp = ASPP(WIDTH)

    def forward(self, coarse: Tensor, finer: Tensor) -> tuple[Tensor, Tensor]:
        merged = self.merge5(torch.cat([finer, coarse], dim=1))
        return self.aspp(merged), self.merge4(torch.cat([finer, merged], dim=1))


@torch.inference_mode()
def test_the_function_is_the_same() -> None:
    before, now = nn.ModuleDict({"decoder": Before()}).eval(), nn.ModuleDict({"decoder": Now()}).eval()
    fill(before)
    assert is_legacy(before.state_dict())
    tensors = modern(before.state_dict())
    assert not is_legacy(tensors)
    now.load_state_dict(tensors)
    x = smooth(4, 8, 12).flatten(0, 1)[None].split(WIDTH, dim=1)
    for a, b in zip(before["decoder"](*x), now["decoder"](*x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["decoder.merge4.0.out.0.weight", "encoders.0.stages.0.weight"])
def test_other_files_are_left_alone(name: str) -> None:
    assert not is_legacy({name: torch.zeros(1)})
