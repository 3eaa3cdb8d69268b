"""What the slow network is made of: functions without weights, on real and on complex numbers.

Complex numbers are compared by their real parts: a weight moved by i * h makes the result's imaginary part h
times the exact derivative, with no difference taken (Squire and Trapp 1998). What the method detaches from
the gradient is `detach`ed here by dropping the imaginary part.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.inexact]


def detach(x: Array) -> Array:
    return x.real


def relu(x: Array) -> Array:
    return np.where(x.real > 0, x, 0)


def leaky_relu(x: Array) -> Array:
    return np.where(x.real > 0, x, 0.2 * x)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array, axis: int = -1) -> Array:
    e = np.exp(x - x.real.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def length(x: Array, axis: int) -> Array:
    """Euclidean norm, at least 1e-6: the epsilon."""
    squares = (x * x).sum(axis, keepdims=True)
    return np.sqrt(np.where(squares.real > 1e-12, squares, 1e-12))


def max_pool(x: Array) -> Array:
    """(B, C, H, W) to half the size: the greatest of each 2 x 2."""
    out = x[:, :, ::2, ::2].copy()
    for i, j in ((0, 1), (1, 0), (1, 1)):
        other = x[:, :, i::2, j::2]
        out = np.where(other.real > out.real, other, out)
    return out


def resize(x: Array, size: tuple[int, int]) -> Array:
    """(B, C, h, w) to (B, C, H, W), bilinear with aligned corners."""
    for axis, new in ((2, size[0]), (3, size[1])):
        old = x.shape[axis]
        rows = []
        for i in range(new):
            place = i * (old - 1) / (new - 1) if new > 1 else 0.0
            low = min(int(place), old - 1)
            high = min(low + 1, old - 1)
            part = place - low
            rows.append((1 - part) * x.take(low, axis) + part * x.take(high, axis))
        x = np.stack(rows, axis)
    return x


def prototypes(x: Array) -> Array:
    """(B, D, h, w) to (B, D, D): prototype d is the mean of x, weighted by channel d's softmax over space."""
    out = []
    for picture in x:
        pixels = picture.reshape(len(picture), -1)  # (D, h * w)
        maps = softmax(detach(pixels))
        out.append([sum(weights[n] * pixels[:, n] for n in range(pixels.shape[1])) for weights in maps])
    return np.array(out)


def correlation(protos: Array, x: Array) -> Array:
    """Cosine of every prototype (B, N, D) with every position of x (B, D, h, w): (B, N, h, w)."""
    directions = protos / length(protos, 2)
    places = x / length(x, 1)
    return np.einsum("bnd,bdhw->bnhw", directions, places)


def soft_iou_loss(predictions: Sequence[Array], mask: Array) -> Array:
    """Mean over predictions and pictures of 1 - sum(min(p, y)) / sum(max(p, y))."""
    losses = []
    for prediction in predictions:
        for p, y in zip(prediction, mask, strict=True):
            least = np.where(p.real < y, p, y).sum()
            most = np.where(p.real > y, p, y).sum()
            losses.append(1 - least / most)
    return sum(losses) / len(losses)
