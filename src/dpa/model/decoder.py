"""From the streams' features to four predictions (paper, section 3.5; METHOD: "Decoder")."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpa.model.prototypes import at_least_float32


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    """Convolution that keeps the size, BN, ReLU."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def probability(logit: Tensor) -> Tensor:
    """The sigmoid, at least in float32: half precision has no numbers between 0.999 and 1."""
    return at_least_float32(logit).sigmoid()


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear with aligned corners, as everywhere in the decoder: (B, C, h, w) -> (B, C, *size)."""
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class ResidualBlock(nn.Module):
    """relu(x + conv-BN-ReLU-conv(x)), then conv-BN-ReLU to the output width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn_relu(inputs, inputs), nn.Conv2d(inputs, inputs, 3, padding=1))
        self.out = conv_bn_relu(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h, w)."""
        out: Tensor = self.out(F.relu(x + self.body(x)))
        return out


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: 1x1, 3x3 dilated 6, 12 and 18, image pooling; projected to `width`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [conv_bn_relu(width, width, 1), *(conv_bn_relu(width, width, 3, d) for d in (6, 12, 18))]
        )
        self.pool = conv_bn_relu(width, width, 1)
        self.project = conv_bn_relu(5 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) -> (B, width, h, w)."""
        pooled = self.pool(x.mean(dim=(2, 3), keepdim=True)).expand_as(x)
        out: Tensor = self.project(torch.cat([*(branch(x) for branch in self.branches), pooled], dim=1))
        return out


class Level6(nn.Module):
    """The coarsest level of a stream, from f5: pooling, 1x1, two 3x3, ASPP."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            # ceil: a map one position wide stays one position wide.
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(channels, width, 1),
            conv_bn_relu(width, width),
            conv_bn_relu(width, width),
            ASPP(width),
        )

    def forward(self, f5: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, width, ceil(h / 2), ceil(w / 2))."""
        out: Tensor = self.body(f5)
        return out


class Refinement(nn.Module):
    """One step up, on the appearance stream: a finer stage, gated by the level-4 prediction."""

    def __init__(self, channels: int, squeeze: int, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.body = nn.Sequential(
            conv_bn_relu(squeeze + width, squeeze + width), conv_bn_relu(squeeze + width, width)
        )
        self.predict = nn.Conv2d(width, 1, 1)

    def forward(self, f: Tensor, below: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
        """f (B, C, h, w), features from below, gate -> features (B, width, h, w), prediction (B, 1, h, w)."""
        size = (f.shape[-2], f.shape[-1])
        gated = self.squeeze(f) * resize(gate, size)
        x = self.body(torch.cat([gated, resize(below, size)], dim=1))
        return x, probability(self.predict(x))


class Decoder(nn.Module):
    """Levels 6, 5 and 4 of both streams, merged upward, and the refinement steps on the appearance stream.

    With one stream (stage 1 of the training) there is nothing to fuse: its tensors are taken as they are.
    """

    def __init__(
        self, channels: tuple[int, ...], streams: int, width: int, refine_squeeze: int, refine_width: int
    ) -> None:
        super().__init__()
        *fine, c4, c5 = channels
        self.level6 = nn.ModuleList(Level6(c5, width) for _ in range(streams))
        self.level5 = nn.ModuleList(nn.Conv2d(c5, width, 1) for _ in range(streams))
        self.level4 = nn.ModuleList(nn.Conv2d(c4, width, 1) for _ in range(streams))
        self.fuse = nn.ModuleList(ResidualBlock(2 * width, width) for _ in range(3 if streams > 1 else 0))
        self.merge5 = ResidualBlock(2 * width, width)
        self.merge4 = nn.Sequential(ResidualBlock(2 * width, width), nn.Conv2d(width, refine_width, 1))
        self.predict = nn.Conv2d(refine_width, 1, 1)
        self.refine = nn.ModuleList(Refinement(c, refine_squeeze, refine_width) for c in reversed(fine))

    def forward(self, fine: list[Tensor], f4: list[Tensor], f5: list[Tensor]) -> list[Tensor]:
        """Predict at every level.

        Args:
            fine: f1, .., f3 of the appearance stream (f2, f3 or f1.. as the encoder has them).
            f4, f5: per stream, after IMA and IFA.

        Returns:
            Probabilities (B, 1, h, w) in float32, one map from level 4 and one per refinement step, coarse
            to fine, each at its own size.
        """
        levels = ((self.level6, f5), (self.level5, f5), (self.level4, f4))
        streams = [[step(f) for step, f in zip(steps, features, strict=True)] for steps, features in levels]
        d6, d5, d4 = self._fused(streams)
        x = self._up(d6, d5, self.merge5)
        x = self._up(x, d4, self.merge4)
        predictions = [probability(self.predict(x))]
        for step, f in zip(self.refine, reversed(fine), strict=True):
            x, prediction = step(f, x, predictions[0].to(x.dtype))
            predictions.append(prediction)
        return predictions

    def _fused(self, levels: list[list[Tensor]]) -> list[Tensor]:
        """Each level's tensor, of one stream or of both."""
        if not self.fuse:
            return [streams[0] for streams in levels]
        return [fuse(torch.cat(streams, dim=1)) for fuse, streams in zip(self.fuse, levels, strict=True)]

    @staticmethod
    def _up(coarse: Tensor, finer: Tensor, merge: nn.Module) -> Tensor:
        merged: Tensor = merge(torch.cat([finer, resize(coarse, (finer.shape[-2], finer.shape[-1]))], dim=1))
        return merged
