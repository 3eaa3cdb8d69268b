"""Encoders for tests of what is not the encoder.

Importing this makes them known: `DPA("dpa-mobile", encoder=SMALL_ENCODER)`.
"""

from pathlib import Path
from typing import Any

from torch import nn

from dpa.model.encoder import ENCODERS, Encoder

SMALL_ENCODER = "test_resnet"
"""The smallest of timm: a fifth of MobileNetV2's layers."""
THREE_LAYERS = "test_byobnet"
"""Three convolutions, and so one refinement step: compilers and exporters take their time by the layer."""


def _cut(net: Any) -> Encoder:
    first, second = nn.Sequential(net.conv1, net.bn1, net.act1), nn.Sequential(net.maxpool, net.layer1)
    stages = [first, second, net.layer2, net.layer3, net.layer4]
    return Encoder(stages, (32, 32, 48, 192, 96), (2, 4, 8, 16, 32))


def _three(_: Any) -> Encoder:
    stages = [nn.Conv2d(a, 8, 3, s, padding=1) for a, s in ((3, 4), (8, 2), (8, 2))]
    return Encoder(stages, (8, 8, 8), (4, 8, 16))


ENCODERS[SMALL_ENCODER] = _cut
ENCODERS[THREE_LAYERS] = _three

KNOWN_HERE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import small_encoder
"""
"""The first lines of a script that is to know them too."""
