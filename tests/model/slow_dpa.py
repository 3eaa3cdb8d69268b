"""The network once more, slowly: NumPy in float64, from the method's description and not from `dpa.model`.

Nothing is shared with the package but the names of the weights.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from slow_layers import (
    Array,
    correlation,
    leaky_relu,
    max_pool,
    prototypes,
    relu,
    resize,
    sigmoid,
    softmax,
)

Stage = Callable[[Array], Array]


class SlowDPA:
    """Args:
    weights: by the names of the package's state dict.
    stages: a list of callables per stream (two, or one for stage 1 of the training).
    training: batch norms use the batch's own statistics.
    release_way: without IMA, and V is K, as in the official release's forward pass.
    """

    def __init__(
        self,
        weights: dict[str, Array],
        stages: Sequence[list[Stage]],
        training: bool = False,
        release_way: bool = False,
    ) -> None:
        self.weights, self.stages = weights, stages
        self.training, self.release_way = training, release_way

    # Layers, by name.

    def conv(self, x: Array, name: str, dilation: int = 1) -> Array:
        """A convolution that keeps the size: one kernel tap after the other."""
        kernel = self.weights[f"{name}.weight"]
        reach = kernel.shape[2] // 2 * dilation
        height, width = x.shape[2:]
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        total = 0
        for i in range(kernel.shape[2]):
            for j in range(kernel.shape[3]):
                top, left = i * dilation, j * dilation
                seen = padded[:, :, top : top + height, left : left + width]
                total = total + np.einsum("oc,bchw->bohw", kernel[:, :, i, j], seen, optimize=True)
        bias = self.weights.get(f"{name}.bias")
        return total if bias is None else total + bias[:, None, None]

    def norm(self, x: Array, name: str) -> Array:
        """Batch norm over axis 1 of (B, C, ...)."""
        over = (0, *range(2, x.ndim))
        shape = (1, -1) + (1,) * (x.ndim - 2)
        w = {k: self.weights[f"{name}.{k}"].reshape(shape) for k in ("weight", "bias")}
        if self.training:
            mean = x.mean(over, keepdims=True)
            variance = ((x - mean) ** 2).mean(over, keepdims=True)
        else:
            mean, variance = (self.weights[f"{name}.running_{k}"].reshape(shape) for k in ("mean", "var"))
        return (x - mean) / np.sqrt(variance + 1e-5) * w["weight"] + w["bias"]

    def norm_tokens(self, x: Array, name: str) -> Array:
        """BN and ReLU of tokens (B, N, C)."""
        return relu(self.norm(x.swapaxes(1, 2), name)).swapaxes(1, 2)

    def linear(self, x: Array, name: str) -> Array:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def conv_norm_relu(self, x: Array, name: str, dilation: int = 1) -> Array:
        return relu(self.norm(self.conv(x, f"{name}.0", dilation), f"{name}.1"))

    def residual(self, x: Array, name: str) -> Array:
        """x + conv-BN-ReLU-conv, ReLU, then conv-BN-ReLU to the output width."""
        x = relu(x + self.conv(self.conv_norm_relu(x, f"{name}.body.0"), f"{name}.body.1"))
        return self.conv_norm_relu(x, f"{name}.out")

    def attention(self, query: Array, key: Array, value: Array, name: str) -> Array:
        """Not scaled. Tokens (B, N, C) in, (B, N, C) out."""
        q, k, v = (
            self.linear(x, f"{name}.{n}")
            for x, n in zip((query, key, value), ("query", "key", "value"), strict=True)
        )
        out = [softmax(qs @ ks.T) @ vs for qs, ks, vs in zip(q, k, v, strict=True)]
        return self.linear(np.array(out), f"{name}.back")

    # Prototypes and IMA.

    def refine(self, protos: Array, name: str) -> Array:
        """The residual non-local block over (B, N, D) prototypes and three EdgeConv layers."""
        tokens = self.norm_tokens(protos, f"{name}.attention.norm")
        x = protos + self.attention(tokens, tokens, tokens, f"{name}.attention")
        for layer in range(3):
            x = self.edge_conv(x, f"{name}.graph.{layer}")
        return x

    def edge_conv(self, x: Array, name: str, neighbours: int = 10) -> Array:
        """Over the nearest prototypes in feature space, the prototype itself among them."""
        edges = []
        for points in x:
            for own in points:
                distance = np.array([((p - own) ** 2).sum().real for p in points])
                nearest = np.argsort(distance, kind="stable")[:neighbours]
                edges.append([np.concatenate([points[n] - own, own]) for n in nearest])
        kernel = self.weights[f"{name}.weight"]
        raw = np.array(edges) @ kernel.T  # (B * N, k, D)
        out = leaky_relu(self.norm(raw.swapaxes(1, 2), f"{name}.norm"))  # (B * N, D, k)
        best = out.real.argmax(2)[..., None]
        return np.take_along_axis(out, best, 2).reshape(x.shape)

    def ima(self, features: list[Array], level: int) -> list[Array]:
        """(B, C, h, w) of each stream in and out."""
        maps = []
        for s, f in enumerate(features):
            squeezed = self.conv(f, f"squeeze{level}.{s}")
            refined = self.refine(prototypes(squeezed), f"ima{level}.refine.{s}")
            maps.append(correlation(refined, squeezed))
        if len(maps) == 2:
            maps = [self.exchange(maps[s], maps[1 - s], f"ima{level}.exchange.{s}") for s in (0, 1)]
        return [
            self.conv_norm_relu(np.concatenate([f, m], 1), f"ima{level}.fuse.{s}")
            for s, (f, m) in enumerate(zip(features, maps, strict=True))
        ]

    def exchange(self, own: Array, other: Array, name: str) -> Array:
        """One direction of the mutual refinement: a correlation map attends over the other stream's."""
        tokens = [x.reshape(*x.shape[:2], -1).swapaxes(1, 2) for x in (own, other)]
        mine, theirs = (self.norm_tokens(t, f"{name}.norm") for t in tokens)
        out = mine + self.attention(mine, theirs, mine, name)
        return out.swapaxes(1, 2).reshape(own.shape)

    # IFA.

    def reference(self, f5: Array, stream: int) -> tuple[Array, Array]:
        """Prototypes of K and V of reference frames, (R, D, D) each."""
        key = prototypes(self.conv(f5, f"ifa.{stream}.key"))
        if self.release_way:
            return key, key
        return key, prototypes(self.conv(f5, f"ifa.{stream}.value"))

    def ifa(self, f5: Array, references: list[tuple[Array, Array]], stream: int) -> Array:
        """`references`: per query frame its K and V prototypes, (N * D, D) each."""
        squeezed = self.conv(f5, f"squeeze5.{stream}")
        values = []
        for q, (k, v) in zip(prototypes(squeezed), references, strict=True):
            values.append(softmax(q @ k.T / np.sqrt(q.shape[1])) @ v)
        found = correlation(np.array(values), squeezed)
        return self.conv_norm_relu(np.concatenate([f5, found], 1), f"ifa.{stream}.fuse")

    def join(self, from_ima: list[Array], from_ifa: list[Array]) -> list[Array]:
        pairs = zip(from_ima, from_ifa, strict=True)
        return [self.conv(np.concatenate(pair, 1), f"join5.{s}") for s, pair in enumerate(pairs)]

    # Decoder.

    def level6(self, f5: Array, stream: int) -> Array:
        name = f"decoder.level6.{stream}.body"
        x = self.conv(max_pool(f5), f"{name}.1")
        x = self.conv_norm_relu(self.conv_norm_relu(x, f"{name}.2"), f"{name}.3")
        aspp = f"{name}.4"
        branches = [
            self.conv_norm_relu(x, f"{aspp}.branches.{i}", dilation)
            for i, dilation in enumerate((1, 6, 12, 18))
        ]
        pooled = self.conv_norm_relu(x.mean((2, 3), keepdims=True), f"{aspp}.pool")
        branches.append(np.broadcast_to(pooled, branches[0].shape))
        return self.conv_norm_relu(np.concatenate(branches, 1), f"{aspp}.project")

    def decode(self, fine: list[Array], f4: list[Array], f5: list[Array]) -> list[Array]:
        """`fine`: f1 to f3 of the appearance stream. Gives all predictions, coarse to fine."""
        streams = range(len(f4))
        levels = [
            [self.level6(f5[s], s) for s in streams],
            [self.conv(f5[s], f"decoder.level5.{s}") for s in streams],
            [self.conv(f4[s], f"decoder.level4.{s}") for s in streams],
        ]
        if len(f4) == 2:
            six, five, four = (
                self.residual(np.concatenate(level, 1), f"decoder.fuse.{i}") for i, level in enumerate(levels)
            )
        else:
            six, five, four = (level[0] for level in levels)
        x = self.residual(np.concatenate([five, resize(six, five.shape[2:])], 1), "decoder.merge5")
        x = self.residual(np.concatenate([four, resize(x, four.shape[2:])], 1), "decoder.merge4.0")
        x = self.conv(x, "decoder.merge4.1")
        first = sigmoid(self.conv(x, "decoder.predict"))
        predictions = [first]
        for i, f in enumerate(reversed(fine)):
            name, inside = f"decoder.refine.{i}", f.shape[2:]
            seen = self.conv(f, f"{name}.squeeze") * resize(first, inside)
            x = np.concatenate([seen, resize(x, inside)], 1)
            x = self.conv_norm_relu(self.conv_norm_relu(x, f"{name}.body.0"), f"{name}.body.1")
            predictions.append(sigmoid(self.conv(x, f"{name}.predict")))
        return predictions

    # The whole.

    def plain(self, x: Array, stream: int) -> list[Array]:
        """All stages of the encoder, no attention between them."""
        found = []
        for stage in self.stages[stream]:
            x = stage(x)
            found.append(x)
        return found

    def segment(self, inputs: list[Array], references: list[list[tuple[Array, Array]]] | None) -> list[Array]:
        """Predictions of query frames, of the input's size.

        `inputs`: of each stream, normalised. `references`: per stream, as `ifa`; None leaves the inter-frame
        attention out, as in stage 1.
        """
        below = []
        for s, x in enumerate(inputs):
            found = []
            for stage in self.stages[s][:-1]:
                x = stage(x)
                found.append(x)
            below.append(found)
        f4 = [found[-1] for found in below]
        if not self.release_way:
            f4 = self.ima(f4, 4)
        plain5 = [self.stages[s][-1](f) for s, f in enumerate(f4)]
        f5 = self.ima(plain5, 5) if not self.release_way else []
        if references is not None:
            between = [self.ifa(f, references[s], s) for s, f in enumerate(plain5)]
            f5 = between if self.release_way else self.join(f5, between)
        predictions = self.decode(below[0][:-1], f4, f5)
        return [resize(p, inputs[0].shape[2:]) for p in predictions]


def vgg_stages(weights: dict[str, Array], stream: int, seen: dict[Any, Array] | None = None) -> list[Stage]:
    """VGG-16's five stages, each taken before the pooling that opens the next one.

    They take most of the time: what they gave of the same input and the same weights is taken from `seen`.
    """
    layers = SlowDPA(weights, [])
    # By where they lie: a weight that is moved lies elsewhere.
    own = tuple(w.ctypes.data for name, w in weights.items() if name.startswith(f"encoders.{stream}."))
    seen = {} if seen is None else seen

    def stage(index: int, convolutions: int) -> Stage:
        def run(x: Array) -> Array:
            key = (own, index, sha256(np.ascontiguousarray(x)).digest())
            if key not in seen:
                seen[key] = convolved(max_pool(x) if index > 0 else x)
            return seen[key]

        def convolved(x: Array) -> Array:
            for i in range(convolutions):
                x = relu(layers.conv(x, f"encoders.{stream}.stages.{index}.{2 * i + (index > 0)}"))
            return x

        return run

    return [stage(i, n) for i, n in enumerate((2, 2, 3, 3, 3))]
