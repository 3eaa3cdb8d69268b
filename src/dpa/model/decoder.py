"""From the streams' features to four predictions (paper, section 3.5; METHOD: "Decoder")."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    """Convolution that keeps the size, BN, ReLU."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear with aligned corners, as everywhere in the decoder: (B, C, h, w) -> (B, C, *size)."""
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class ResidualBlock(nn.Module):
    """relu(x + conv-BN-ReLU-conv(x)), then conv-BN-ReLU to the output width."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn_relu(inputs, inputs), nn.Conv2d(inputs, inputs, 3, padding=1))
        self.out = conv_bn_relu(inputs, outputs, kernel)

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
        self.pool = nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU())
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
        """f (B, C, h, w), features from below, gate -> features (B, width, h, w), logits."""
        size = (f.shape[-2], f.shape[-1])
        gated = self.squeeze(f) * resize(gate, size)
        x = self.body(torch.cat([gated, resize(below, size)], dim=1))
        return x, self.predict(x)


class Decoder(nn.Module):
    """Levels 6, 5 and 4 of both streams, merged upward, and the refinement steps on the appearance stream.

    With one stream its features take the place of the missing one's, so that the weights of
    stage 1 of the training fit stage 2.
    """

    def __init__(
        self, channels: tuple[int, ...], streams: int, width: int, refine_squeeze: int, refine_width: int
    ) -> None:
        super().__init__()
        *fine, c4, c5 = channels
        self.level6 = nn.ModuleList(Level6(c5, width) for _ in range(streams))
        self.level5 = nn.ModuleList(nn.Conv2d(c5, width, 1) for _ in range(streams))
        self.level4 = nn.ModuleList(nn.Conv2d(c4, width, 1) for _ in range(streams))
        self.fuse = nn.ModuleList(ResidualBlock(2 * width, width) for _ in range(3))
        self.merge5 = ResidualBlock(2 * width, width)
        self.merge4 = ResidualBlock(2 * width, refine_width, kernel=1)
        self.predict = nn.Conv2d(refine_width, 1, 1)
        self.refine = nn.ModuleList(Refinement(c, refine_squeeze, refine_width) for c in reversed(fine))

    def forward(self, fine: list[Tensor], f4: list[Tensor], f5: list[Tensor]) -> list[Tensor]:
        """Predict at every level.

        Args:
            fine: f1, .., f3 of the appearance stream (f2, f3 or f1.. as the encoder has them).
            f4, f5: per stream, after IMA and IFA.

        Returns:
            Logits (B, 1, h, w), one map from level 4 and one per refinement step, coarse to fine,
            each at its own size.
        """
        d6, d5, d4 = (
            fuse(self._both([level(f) for level, f in zip(levels, features, strict=True)]))
            for fuse, levels, features in zip(
                self.fuse, (self.level6, self.level5, self.level4), (f5, f5, f4), strict=True
            )
        )
        x = self._up(d6, d5, self.merge5)
        x = self._up(x, d4, self.merge4)
        logits = [self.predict(x)]
        gate = logits[0].sigmoid()
        for step, f in zip(self.refine, reversed(fine), strict=True):
            x, logit = step(f, x, gate)
            logits.append(logit)
        return logits

    @staticmethod
    def _both(streams: list[Tensor]) -> Tensor:
        return torch.cat([streams[0], streams[-1]], dim=1)

    @staticmethod
    def _up(coarse: Tensor, finer: Tensor, merge: nn.Module) -> Tensor:
        merged: Tensor = merge(torch.cat([resize(coarse, (finer.shape[-2], finer.shape[-1])), finer], dim=1))
        return merged
