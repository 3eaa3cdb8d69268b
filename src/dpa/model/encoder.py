"""Staged encoders: networks of timm and transformers, cut where the resolution halves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dpa.errors import InputError, WeightsError
from dpa.model import mit


class Encoder(nn.Module):
    """A feature pyramid whose stages can be called one by one.

    IMA changes f4 before stage 5 reads it, so the deepest stage must be callable on its own.

    Attributes:
        stages: modules; stage k maps (B, C[k-1], H / S[k-1], W / S[k-1]) to (B, C[k], H / S[k], W / S[k]),
            the first one maps the normalised picture (B, 3, H, W).
        channels: C, one per stage.
        strides: S, one per stage; the last two are the paper's stages 4 and 5.
    """

    def __init__(self, stages: list[nn.Module], channels: tuple[int, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.channels = channels
        self.strides = strides

    def shallow(self, x: Tensor) -> list[Tensor]:
        """All stages but the deepest: (B, 3, H, W) -> [f1, .., f4]."""
        features = []
        for stage in list(self.stages)[:-1]:
            x = stage(x)
            features.append(x)
        return features

    def deep(self, f4: Tensor) -> Tensor:
        """The deepest stage: f4 -> f5."""
        f5: Tensor = self.stages[-1](f4)
        return f5


def _vgg16(net: Any) -> Encoder:
    # timm lists VGG-16's features flat. A new stage starts with each pooling, so that
    # a stage's output is the one before the pooling that follows it.
    stages: list[list[nn.Module]] = [[]]
    for layer in net.features:
        if isinstance(layer, nn.MaxPool2d):
            stages.append([])
        stages[-1].append(layer)
    return Encoder([nn.Sequential(*s) for s in stages[:5]], (64, 128, 256, 512, 512), (1, 2, 4, 8, 16))


def _resnet(net: Any) -> Encoder:
    stages = [
        nn.Sequential(net.conv1, net.bn1, net.act1),
        nn.Sequential(net.maxpool, net.layer1),
        net.layer2,
        net.layer3,
        net.layer4,
    ]
    return Encoder(stages, tuple(f["num_chs"] for f in net.feature_info), (2, 4, 8, 16, 32))


def _pvt_v2_b2(net: Any) -> Encoder:
    first, *rest = net.stages
    return Encoder([nn.Sequential(net.patch_embed, first), *rest], (64, 128, 320, 512), (4, 8, 16, 32))


def _mit(net: Any) -> Encoder:
    return Encoder(list(net.stages), tuple(net.config.hidden_sizes), (4, 8, 16, 32))


def _mobilenetv2_100(net: Any) -> Encoder:
    b = net.blocks
    stages = [
        nn.Sequential(net.conv_stem, net.bn1, b[0]),
        b[1],
        b[2],
        nn.Sequential(b[3], b[4]),
        nn.Sequential(b[5], b[6]),
    ]
    return Encoder(stages, (16, 24, 32, 96, 320), (2, 4, 8, 16, 32))


def _efficientnet_lite(net: Any) -> Encoder:
    # Without the last block: one layer that widens f5 by two thirds, for a quarter of all parameters.
    b = net.blocks
    stages = [nn.Sequential(net.conv_stem, net.bn1, b[0]), b[1], b[2], nn.Sequential(b[3], b[4]), b[5]]
    channels = (*(f["num_chs"] for f in net.feature_info[:4]), b[5][-1].conv_pwl.out_channels)
    return Encoder(stages, channels, (2, 4, 8, 16, 32))


ENCODERS: dict[str, Callable[[Any], Encoder]] = {
    "vgg16": _vgg16,
    "resnet18": _resnet,
    "resnet50": _resnet,
    "resnet101": _resnet,
    "pvt_v2_b2": _pvt_v2_b2,
    **dict.fromkeys(mit.SIZES, _mit),
    "mobilenetv2_100": _mobilenetv2_100,
    "tf_efficientnet_lite0": _efficientnet_lite,
    "tf_efficientnet_lite2": _efficientnet_lite,
}
"""How each network is cut into stages, by timm's name of it."""

# TensorFlow's "same" padding is uneven where the stride is 2, and costs a copy of each such map. PyTorch's is
# a part of the convolution; the features move by a pixel, which training makes up for.
_CHANGES: dict[str, dict[str, Any]] = {
    name: {"pad_type": ""} for name in ENCODERS if name.startswith("tf_efficientnet_lite")
}


def build_encoder(
    name: str, *, folded: bool = False, pretrained: bool = False, weights: dict[str, Tensor] | None = None
) -> Encoder:
    """An encoder by name.

    Args:
        name: one of `ENCODERS`.
        folded: fold batch norm into the convolutions before it (running statistics, as in evaluation).
        pretrained: start from the library's own ImageNet weights (downloaded, or from its cache).
        weights: start from these tensors, under the library's names; a classifier's are ignored.

    Raises:
        InputError: unknown name.
        WeightsError: tensors that are missing or of another shape; ImageNet's weights cannot be had.
        MissingExtra: mit_* without transformers.
    """
    import timm

    if name not in ENCODERS:
        raise InputError(f"unknown encoder {name!r}; known are {', '.join(ENCODERS)}")
    try:
        if name in mit.SIZES:
            net = mit.create(name, pretrained=pretrained)
        else:
            net = timm.create_model(name, pretrained=pretrained, num_classes=0, **_CHANGES.get(name, {}))
    except (OSError, RuntimeError) as error:  # from the hub, from torch hub, or an unfinished file
        if not pretrained:
            raise
        raise WeightsError(
            f"the ImageNet weights of {name} are neither in the cache nor to be had from the internet "
            f"({type(error).__name__}); give a file of them instead"
        ) from error
    encoder = ENCODERS[name](net)
    if weights is not None:
        _load(net, encoder, name, weights)
    if folded:
        _fold(encoder)
    return encoder


@contextmanager
def evaluating(stage: nn.Module) -> Iterator[None]:
    """A stage in evaluation mode; afterwards in the mode that it was in."""
    was = stage.training
    stage.eval()
    try:
        yield
    finally:
        stage.train(was)


def _load(net: nn.Module, encoder: Encoder, name: str, weights: dict[str, Tensor]) -> None:
    own = net.state_dict()
    fitting = {k: v.float() for k, v in weights.items() if k in own and own[k].shape == v.shape}
    used = {id(p) for p in (*encoder.parameters(), *encoder.buffers())}
    tensors = dict((*net.named_parameters(), *net.named_buffers()))
    for key, tensor in tensors.items():
        if id(tensor) in used and key not in fitting and not key.endswith("num_batches_tracked"):
            raise WeightsError(f"these are not weights of {name}: {key!r} is missing or of another shape")
    net.load_state_dict(fitting, strict=False)


def _fold(module: nn.Module) -> None:
    """Fold every batch norm into the convolution before it, and leave its activation, if it has one."""
    name, conv = "", None
    for child_name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d) and conv is not None:
            folded = fuse_conv_bn_eval(conv.eval(), child.eval()).train(module.training)
            assert folded.bias is not None
            folded.bias.requires_grad_()  # PyTorch leaves a bias that it had to add frozen
            setattr(module, name, folded)
            # timm's batch norms carry their activation.
            setattr(module, child_name, getattr(child, "act", nn.Identity()))
        elif isinstance(child, nn.Conv2d):
            name, conv = child_name, child
        else:
            _fold(child)
