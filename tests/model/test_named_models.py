"""What every named model does: one class, inherited by each."""

import pytest
import torch
from model_samples import pair
from torch import nn

from dpa.errors import InputError
from dpa.model.config import NAMED, DPAConfig, named_config
from dpa.model.dpa import DPA, References
from dpa.model.ima import EdgeConv


@pytest.fixture(scope="class")
def model(request: pytest.FixtureRequest) -> DPA:
    return DPA(request.cls.name).eval()


class NamedModel:
    name: str
    predictions = 4

    @torch.inference_mode()
    def test_forward(self, model: DPA) -> None:
        image, flow = pair(1, 64, 64)
        features = model.encode(image, flow)
        references = References.join([model.reference(features)] * 2)
        assert references.key.shape == (1, 2, 2 * model.config.dim, model.config.dim)
        predictions = model.segment(features, references)
        assert [tuple(x.shape) for x in predictions] == [(1, 1, 64, 64)] * self.predictions
        assert all(x.isfinite().all() for x in predictions)

    def test_starts_as_the_paper_says(self, model: DPA) -> None:
        modules = [m for n, m in model.named_modules() if not n.startswith(("encoders.", "adapter."))]
        convolutions = [m for m in modules if isinstance(m, nn.Conv2d | EdgeConv)]
        kernels = torch.cat([m.weight.flatten() for m in convolutions])
        assert abs(kernels.std().item() - 0.01) < 1e-4
        assert abs(kernels.mean().item()) < 1e-4
        assert all((m.bias == 0).all() for m in modules if isinstance(m, nn.Conv2d) and m.bias is not None)
        # PyTorch's default for linear layers: uniform to 1 / sqrt(inputs), biases too.
        linear = [m for m in modules if isinstance(m, nn.Linear)]
        assert linear
        for layer in linear:
            bound = layer.in_features**-0.5
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert layer.bias.abs().max() > 0

    def test_references_are_small(self, model: DPA) -> None:
        d = model.config.dim
        assert 2 * 2 * d * d * 4 <= 300 * 2**10  # K and V, two streams, float32: "a few hundred KiB"


@pytest.mark.slow
class TestVGG16(NamedModel):
    name = "dpa-vgg16"

    def test_the_papers_settings(self) -> None:
        assert NAMED[self.name] == DPAConfig(
            encoder="vgg16", dim=128, width=128, refine_squeeze=64, refine_width=32, neighbours=10
        )
        assert not NAMED[self.name].normalise_flow


@pytest.mark.slow
class TestResNet101(NamedModel):
    name = "dpa-resnet101"


class TestPVT(NamedModel):
    name = "dpa-pvt-b2"
    predictions = 3  # its finest stage is at stride 4


class TestMobile(NamedModel):
    name = "dpa-mobile"

    def test_fits_into_the_wheel(self, model: DPA) -> None:
        assert sum(t.numel() for t in model.state_dict().values()) * 2 <= 16 * 2**20  # in half precision


class TestLite0(TestMobile):
    name = "dpa-lite0"


class TestBase(TestMobile):
    name = "dpa-base"


def test_all_are_tested() -> None:
    assert {c.name for c in (*NamedModel.__subclasses__(), TestLite0, TestBase)} == set(NAMED)


def test_unknown_names_and_settings() -> None:
    with pytest.raises(InputError, match=r"unknown model 'dpa-vgg'; did you mean 'dpa-vgg16'\?"):
        DPA("dpa-vgg")
    with pytest.raises(InputError, match=r"unknown setting 'dims' .*did you mean 'dim'\?"):
        named_config("dpa-mobile", dims=3)
    with pytest.raises(InputError, match="unknown encoder 'vgg19'"):
        DPA(DPAConfig(encoder="vgg19"))


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ({"dim": "64"}, "whole number"),
        ({"dim": True}, "whole number"),
        ({"width": 0}, "whole number"),
        ({"ima": 1}, "true or false"),
        ({"encoder": 3}, "a name"),
        ({"mean": [0.5, 0.5]}, "three numbers"),
        ({"dim": 1, "neighbours": 1}, "at least 2"),
        ({"dim": 8}, "'neighbours' of the network is 10, but there are only 8"),
    ],
)
def test_settings_of_a_wrong_kind(setting: dict[str, object], wanted: str) -> None:
    with pytest.raises(InputError, match=wanted):
        named_config("dpa-mobile", **setting)


def test_settings_go_round() -> None:
    config = named_config("dpa-mobile", mean=[0.1, 0.2, 0.3], dim=32)
    assert config.mean == (0.1, 0.2, 0.3)
    assert DPAConfig.from_dict(config.to_dict()) == config
    assert DPA(config, dim=16, width=16, refine_width=8, refine_squeeze=8).config.dim == 16
