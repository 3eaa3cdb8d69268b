"""The smallest encoder of timm, for tests of what is not the encoder: a fifth of MobileNetV2's layers.

Importing this makes it known: `DPA("dpa-mobile", encoder=SMALL_ENCODER)`.
"""

from pathlib import Path
from typing import Any

from torch import nn

from dpa.model.encoder import ENCODERS, Encoder

SMALL_ENCODER = "test_resnet"


def _cut(net: Any) -> Encoder:
    first, second = nn.Sequential(net.conv1, net.bn1, net.act1), nn.Sequential(net.maxpool, net.layer1)
    stages = [first, second, net.layer2, net.layer3, net.layer4]
    return Encoder(stages, (32, 32, 48, 192, 96), (2, 4, 8, 16, 32))


ENCODERS[SMALL_ENCODER] = _cut

KNOWN_HERE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import small_encoder
"""
"""The first lines of a script that is to know it too."""
