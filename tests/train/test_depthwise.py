"""Gradients of depthwise convolutions are those of PyTorch's own."""

import pytest
import torch
from torch import nn

from dpa.train.depthwise import DepthwiseConv2d, fast_depthwise


def gradients(conv: nn.Conv2d, x: torch.Tensor, *, mixed: bool) -> list[torch.Tensor]:
    """Of a smooth function of the output: by input, weight and bias."""
    conv.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        y = conv(x)
    (y.float().sin() + y.float().square()).mean().backward()
    return [p.grad for p in (x, *conv.parameters())]


@pytest.mark.parametrize("size", [(12, 16), (13, 17), (2, 3)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_the_plain_convolution(kernel, stride, size, bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, kernel, stride, kernel // 2, groups=8, bias=bias)
    x = torch.randn(3, 8, *size).to(memory_format=torch.channels_last)
    exact = gradients(conv, x, mixed=False)
    fast_depthwise(conv)
    assert type(conv) is DepthwiseConv2d
    for ours, theirs in zip(gradients(conv, x, mixed=True), exact, strict=True):
        assert ours.dtype == torch.float32
        assert torch.linalg.vector_norm(ours - theirs) < 0.02 * torch.linalg.vector_norm(theirs)


def test_values_are_those_of_the_plain_convolution():
    conv = nn.Conv2d(8, 8, 5, 2, 2, groups=8)
    x = torch.randn(2, 8, 11, 14)
    plain = conv(x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = conv(x)
    fast_depthwise(conv)
    assert torch.equal(conv(x), plain)  # float32 stays PyTorch's own
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv(x).float(), conv(x).float())
        assert conv(x).dtype == torch.bfloat16
        torch.testing.assert_close(conv(x), mixed, rtol=0.02, atol=0.02)


def test_what_is_frozen_gets_no_gradient():
    conv = nn.Conv2d(4, 4, 3, 2, 1, groups=4)
    conv.weight.requires_grad_(False)
    fast_depthwise(conv)
    x = torch.randn(1, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        conv(x).float().sum().backward()
    assert conv.weight.grad is None
    assert conv.bias.grad is not None


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 16, 3, padding=1, groups=8),
        nn.Conv2d(8, 8, 7, padding=3, groups=8),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 5, stride=4, padding=2, groups=8),
    ],
)
def test_other_convolutions_stay(other):
    fast_depthwise(other)
    assert type(other) is nn.Conv2d


def test_weights_keep_their_names():
    net = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    fast_depthwise(net)
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[k], before[k]) for k in before)
