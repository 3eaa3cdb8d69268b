"""Gradients of depthwise convolutions in bfloat16 on a CPU, by ways that oneDNN is fast at.

oneDNN's own take most of a training step of the small networks there: 100 ms for the gradient of an input
where the stride is 2, 80 ms for that of 5 x 5 weights, where the forward pass takes 3 (Xeon with AMX, PyTorch
2.14).
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad


def fast_depthwise(model: nn.Module) -> None:
    """Make a network's depthwise convolutions `DepthwiseConv2d`; weights and names stay.

    Args:
        model: changed in place.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8), nn.Conv2d(8, 4, 1))
        >>> fast_depthwise(net)
        >>> [type(layer).__name__ for layer in net]
        ['DepthwiseConv2d', 'Conv2d']
    """
    for module in model.modules():
        if type(module) is nn.Conv2d and _is_depthwise(module):
            module.__class__ = DepthwiseConv2d


def _is_depthwise(conv: nn.Conv2d) -> bool:
    size, stride = conv.kernel_size, conv.stride
    return (
        conv.groups == conv.in_channels == conv.out_channels
        and size in ((3, 3), (5, 5))
        and stride in ((1, 1), (2, 2))
        and conv.padding == (size[0] // 2,) * 2
        and conv.dilation == (1, 1)
    )


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution, 3 x 3 or 5 x 5, stride 1 or 2, padded to keep the size."""

    def forward(self, x: Tensor) -> Tensor:
        if not (torch.is_autocast_enabled("cpu") and torch.is_grad_enabled()):
            return super().forward(x)
        dtype = torch.get_autocast_dtype("cpu")
        bias = None if self.bias is None else self.bias.to(dtype)
        y: Tensor = _Depthwise.apply(x.to(dtype), self.weight.to(dtype), self.stride[0])
        return y if bias is None else y + bias[:, None, None]


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        of_input = _of_input(grad, x, weight, ctx.stride) if ctx.needs_input_grad[0] else None
        of_weight = _of_weight(grad, x, weight, ctx.stride) if ctx.needs_input_grad[1] else None
        return of_input, of_weight, None


def _of_input(grad: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """A convolution of the gradient, zeros between its values where the stride left some out."""
    if stride > 1:
        spread = _zeros(x.shape, x.dtype)  # the places between stay zero from use to use
        spread[:, :, ::stride, ::stride] = grad
        grad = spread
    return conv2d(grad, weight.flip(2, 3), padding=weight.shape[-1] // 2, groups=len(weight))


@lru_cache(maxsize=16)
def _zeros(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    return torch.zeros(shape, dtype=dtype).to(memory_format=torch.channels_last)


def _of_weight(grad: Tensor, x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """5 x 5 weights in four blocks of 3 x 3, which share the middle row and column."""
    if weight.shape[-1] == 3:
        return _of_weight_3x3(grad, x, weight, stride, padding=1)
    result = torch.empty_like(weight)
    padded = pad(x, (2, 2, 2, 2))
    height, width = (stride * (n - 1) + 3 for n in grad.shape[2:])
    for i in (0, 2):
        for j in (0, 2):
            seen = padded[:, :, i : i + height, j : j + width]
            seen = seen.contiguous(memory_format=torch.channels_last)
            block = _of_weight_3x3(grad, seen, weight[:, :, :3, :3], stride, padding=0)
            result[:, :, i : i + 3, j : j + 3] = block
    return result


def _of_weight_3x3(grad: Tensor, x: Tensor, weight: Tensor, stride: int, *, padding: int) -> Tensor:
    both = [padding] * 2
    gradients = torch.ops.aten.convolution_backward(
        grad,
        x,
        weight,
        None,
        [stride] * 2,
        both,
        [1, 1],
        False,
        [0, 0],
        len(weight),
        [False, True, False],
    )
    of_weight: Tensor = gradients[1]
    return of_weight
