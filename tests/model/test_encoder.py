"""The encoders: channels and strides, stages callable alone, folded batch norms, weights."""

from pathlib import Path

import pytest
import timm
import torch
from model_samples import fill, smooth

from dpa.errors import InputError, MissingExtra, WeightsError
from dpa.model import mit
from dpa.model.encoder import ENCODERS, Encoder, build_encoder
from dpa.model.pretrained import read_safetensors

# METHOD.md for VGG-16; timm's own lists of the other networks' feature maps.
SHAPES = {
    "vgg16": ((64, 128, 256, 512, 512), (1, 2, 4, 8, 16)),
    "resnet18": ((64, 64, 128, 256, 512), (2, 4, 8, 16, 32)),
    "resnet50": ((64, 256, 512, 1024, 2048), (2, 4, 8, 16, 32)),
    "resnet101": ((64, 256, 512, 1024, 2048), (2, 4, 8, 16, 32)),
    "pvt_v2_b2": ((64, 128, 320, 512), (4, 8, 16, 32)),
    "mit_b0": ((32, 64, 160, 256), (4, 8, 16, 32)),
    "mit_b1": ((64, 128, 320, 512), (4, 8, 16, 32)),
    "mit_b2": ((64, 128, 320, 512), (4, 8, 16, 32)),
    "tf_efficientnet_lite0": ((16, 24, 40, 112, 192), (2, 4, 8, 16, 32)),
    "tf_efficientnet_lite2": ((16, 24, 48, 120, 208), (2, 4, 8, 16, 32)),
    "mobilenetv2_100": ((16, 24, 32, 96, 320), (2, 4, 8, 16, 32)),
}


LARGE = ("vgg16", "resnet50", "resnet101", "mit_b0", "mit_b1", "mit_b2")
"""Which take a second to build, or to import."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in SHAPES],
)
def encoder(request: pytest.FixtureRequest) -> tuple[str, Encoder]:
    return request.param, build_encoder(request.param).eval()


@torch.inference_mode()
def test_channels_and_strides(encoder: tuple[str, Encoder]) -> None:
    name, net = encoder
    assert (net.channels, net.strides) == SHAPES[name]
    features = net.shallow(smooth(1, 64, 96))
    features.append(net.deep(features[-1]))
    found = [tuple(f.shape) for f in features]
    assert found == [(1, c, 64 // s, 96 // s) for c, s in zip(net.channels, net.strides, strict=True)]


@pytest.mark.slow
@torch.inference_mode()
def test_stages_are_callable_alone_and_change_no_input(encoder: tuple[str, Encoder]) -> None:
    _, net = encoder
    x = smooth(1, 64, 64)
    features = net.shallow(x)
    for stage, f in zip(net.stages, [x, *features], strict=True):
        before = f.clone()
        stage(torch.randn_like(f))
        stage(f)  # activations in place must not reach back into the stage before
        assert torch.equal(f, before)
    assert torch.equal(net.deep(features[-1]), net.stages[-1](features[-1]))


@pytest.mark.slow
@torch.inference_mode()
def test_all_stages_make_the_network_of_timm(encoder: tuple[str, Encoder]) -> None:
    name, net = encoder
    if name == "vgg16":
        pytest.skip("timm's VGG-16 gives no stages; see the test of its layers")
    if name.startswith("mit"):
        pytest.skip("not timm's; see the test of transformers' own")
    lite = name.startswith("tf_efficientnet_lite")
    changes = {"pad_type": ""} if lite else {}
    theirs = timm.create_model(name, features_only=True, pretrained=False, **changes).eval()
    fill(theirs)
    fill_like(net, theirs)
    x = smooth(1, 64, 64)
    ours = net.shallow(x)
    wanted = theirs(x)
    if lite:  # ours ends before the last block, whose input is seen on the way
        seen: list[torch.Tensor] = []
        theirs.blocks[6].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        theirs(x)
        wanted = [*wanted[:-1], *seen]
    for a, b in zip([*ours, net.deep(ours[-1])], wanted, strict=True):
        torch.testing.assert_close(a, b)


@torch.inference_mode()
def test_mit_is_the_network_of_transformers() -> None:
    net = mit.create("mit_b0").eval()
    ours = build_encoder("mit_b0", weights=net.state_dict()).eval()
    x = smooth(1, 64, 96)
    torch.testing.assert_close(ours.deep(ours.shallow(x)[-1]), net(x).last_hidden_state)


def test_mit_without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"the encoder mit_b0 needs .*dpa-vos\[mit\]"):
        build_encoder("mit_b0")


def fill_like(net: Encoder, source: torch.nn.Module) -> None:
    """The same tensors in the same order: both walk the network from the picture on."""
    tensors = list(source.state_dict().values())[: len(net.state_dict())]
    net.load_state_dict(dict(zip(net.state_dict(), tensors, strict=True)))


@pytest.mark.slow
def test_vgg16_is_rectified_before_each_pooling() -> None:
    kinds = [[type(layer).__name__ for layer in stage] for stage in build_encoder("vgg16").stages]
    two, three = ["Conv2d", "ReLU"] * 2, ["Conv2d", "ReLU"] * 3
    assert kinds == [two, ["MaxPool2d", *two], *[["MaxPool2d", *three]] * 3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv2_100", "resnet101"])
@torch.inference_mode()
def test_folded_batch_norms_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = timm.create_model(name, num_classes=0)
    fill(made)
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: made)
    x = smooth(1, 64, 64)
    plain = build_encoder(name).eval()
    wanted = plain.deep(plain.shallow(x)[-1])
    folded = build_encoder(name, folded=True).eval()  # the same modules, changed in place
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    torch.testing.assert_close(folded.deep(folded.shallow(x)[-1]), wanted, rtol=1e-3, atol=1e-3)


def test_weights_under_timms_names() -> None:
    source = timm.create_model("mobilenetv2_100")
    weights = source.state_dict()
    net = build_encoder("mobilenetv2_100", weights=weights)
    torch.testing.assert_close(net.stages[0][0].weight, source.conv_stem.weight)
    del weights["blocks.6.0.conv_pwl.weight"]
    with pytest.raises(
        WeightsError, match=r"not weights of mobilenetv2_100: 'blocks\.6\.0\.conv_pwl\.weight'"
    ):
        build_encoder("mobilenetv2_100", weights=weights)


def test_the_weights_that_training_starts_from(shared: Path) -> None:
    file = shared / "weights" / "mobilenetv2_100_imagenet_bnfolded.safetensors"
    net = build_encoder("mobilenetv2_100", folded=True, weights=read_safetensors(file)).eval()
    with torch.inference_mode():
        assert net.deep(net.shallow(smooth(1, 64, 64))[-1]).std() > 0.01


def test_unknown_encoder_names_the_known() -> None:
    with pytest.raises(InputError, match=r"unknown encoder 'vgg'; known are .*vgg16") as caught:
        build_encoder("vgg")
    assert all(name in str(caught.value) for name in ENCODERS)


def test_imagenet_weights_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(WeightsError, match=r"ImageNet weights of vgg16 .*ConnectionError.*give a file"):
        build_encoder("vgg16", pretrained=True)


def test_folded_biases_are_trained() -> None:
    encoder = build_encoder("mobilenetv2_100", folded=True)
    assert all(p.requires_grad for p in encoder.parameters())
