"""The Mix Transformer of SegFormer (Xie et al., NeurIPS 2021), which timm has not: from transformers."""

from torch import nn

from dpa.errors import MissingExtra

# Channels and blocks of the four stages, by the published names.
SIZES = {
    "mit_b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "mit_b1": ((64, 128, 320, 512), (2, 2, 2, 2)),
    "mit_b2": ((64, 128, 320, 512), (3, 4, 6, 3)),
}


def create(name: str, *, pretrained: bool = False) -> nn.Module:
    """The network, its `stages` each callable alone.

    Args:
        name: one of `SIZES`.
        pretrained: NVIDIA's ImageNet weights, from the hub's cache or downloaded; for research only.

    Raises:
        MissingExtra: transformers is not installed, or is older than its stages.
        OSError: weights that cannot be had.
    """
    try:
        from transformers import SegformerConfig, SegformerModel
    except ImportError as error:
        raise MissingExtra(f"the encoder {name}", extra="mit") from error
    if pretrained:
        net = SegformerModel.from_pretrained(f"nvidia/{name.replace('_', '-')}")
    else:
        channels, blocks = SIZES[name]
        net = SegformerModel(SegformerConfig(hidden_sizes=list(channels), depths=list(blocks)))
    if not hasattr(net, "stages"):
        raise MissingExtra(f"the encoder {name}", extra="mit")
    made: nn.Module = net
    return made
