"""Parts of the network alone, and the operations counted of them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from model_samples import TINY
from model_samples import build as small
from torch import nn

from dpa.backends import Memory
from dpa.backends.torch import TorchBackend
from dpa.bench import network
from dpa.bench.flops import count, count_dinov2, count_network
from dpa.bench.network import build, isolate
from dpa.bench.settings import PARTS, BenchSettings
from dpa.errors import InputError, WeightsError
from dpa.model.dpa import DPA
from small_encoder import THREE_LAYERS

SIZE = (64, 96)
# Every switch, and encoders of each kind: what is counted takes torch its time by the layer.
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("dpa-base", {"encoder": THREE_LAYERS}),
    ("dpa-mobile", {"encoder": THREE_LAYERS}),
    ("dpa-mobile", {"encoder": THREE_LAYERS, "ima": False}),
    ("dpa-mobile", {"encoder": THREE_LAYERS, "ifa": False}),
    ("dpa-mobile", {"motion": False}),
    ("dpa-vgg16", {"motion": False, "ima": False}),
    ("dpa-pvt-b2", {"motion": False, "ima": False, "ifa": False}),
]


def test_a_multiplication_and_an_addition_are_two() -> None:
    conv = nn.Conv2d(3, 8, 3, padding=1)
    assert count(lambda: conv(torch.rand(1, 3, 16, 20))) == 2 * 8 * 3 * 3 * 3 * 16 * 20
    a, b = torch.rand(5, 7), torch.rand(7, 11)
    assert count(lambda: a @ b) == 2 * 5 * 7 * 11
    q, k, v = torch.rand(1, 2, 6, 4), torch.rand(1, 2, 10, 4), torch.rand(1, 2, 10, 4)
    attention = count(lambda: nn.functional.scaled_dot_product_attention(q, k, v))
    assert attention == 2 * 2 * 6 * 10 * 4 * 2


def test_dinov2_is_a_vision_transformer_of_twelve_layers() -> None:
    patches, width = 4 * 6, 384  # one for every 16 x 16 pixels
    tokens = patches + 1  # and one for the picture
    layer = 12 * tokens * width**2 + 2 * tokens**2 * width
    assert count_dinov2(SIZE) == 2 * (12 * layer + patches * 3 * 14 * 14 * width)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "changes"), NETWORKS)
def test_the_parts_make_up_the_network(name: str, changes: dict[str, Any]) -> None:
    with torch.device("meta"):  # counting wants no weights
        model = DPA(name, **TINY | changes)
    found = count_network(model, SIZE, 3)
    beside = count_dinov2(SIZE) if model.config.dinov2 else 0
    assert sum(found[part] for part in PARTS) + beside == found["cached"]
    # What the paper's way adds to the cached one is the references, every time anew.
    assert found["paper"] == found["cached"] + 3 * found["reference"]
    assert found["encoders"] > 0
    assert (found["attention"] > 0) == (model.config.ima or model.config.ifa)
    if not model.config.ifa:
        assert found["reference"] == 0


@pytest.mark.slow
def test_counting_computes_nothing_and_changes_nothing() -> None:
    model = small(encoder=THREE_LAYERS)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    image, flow = torch.rand(2, 1, 3, *SIZE)
    wanted = count(lambda: model.reference(model.encode(image, flow)))
    assert count_network(model, SIZE, 1)["reference"] == wanted
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.ima4 is not None
    assert all(type(p) is nn.Parameter for p in model.parameters())


@pytest.mark.slow
def test_the_papers_network_costs_what_the_release_does() -> None:
    """1,722 GFLOP a frame at 512 x 512 with references encoded again; most of it is the references."""
    with torch.device("meta"):
        model = DPA("dpa-vgg16")
    found = count_network(model, (512, 512), 4)
    assert found["paper"] == pytest.approx(1722e9, rel=0.05)
    assert found["paper"] > 3 * found["cached"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_alone(part: str) -> None:
    model = small()
    ran: list[str] = []
    for name in ("encoders.0.stages.0", "encoders.1.stages.4", "ima4", "ifa.0.fuse", "decoder.merge5"):
        model.get_submodule(name).register_forward_hook(
            lambda *_, name=name: ran.append(name.partition(".")[0])
        )
    with torch.inference_mode():
        isolate(model, part, SIZE)()
    wanted = {"encoders": {"encoders"}, "attention": {"ima4", "ifa"}, "decoder": {"decoder"}}
    assert set(ran) == wanted[part]


def test_random_weights_are_the_same_every_time_and_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    # As a model is found that has no weights.
    monkeypatch.setattr(network, "find", lambda _: SimpleNamespace(path=None))
    settings = BenchSettings(video="clip", model="dpa-mobile")
    (first, weights), (second, _) = build(settings), build(settings)
    assert weights == "random"
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    found = []
    for seed in (0, 1):
        image, flow = torch.rand(2, 1, 3, *SIZE, generator=torch.Generator().manual_seed(seed))
        with torch.inference_mode():
            features = first.encode(image, flow)
            found.append(first.segment(features, first.reference(features))[-1])
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_weights_that_do_not_fit(tmp_path) -> None:
    with pytest.raises(InputError, match="an ONNX graph has no parts"):
        build(BenchSettings(video="clip", weights="model.onnx"))
    with pytest.raises(WeightsError, match="no network is called"):
        build(BenchSettings(video="clip", model="dpa-mobil"))
    with pytest.raises(WeightsError, match="gone"):
        build(BenchSettings(video="clip", weights=str(tmp_path / "gone")))


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-6), ("bf16", 0.1)])
def test_at_a_precision_of_choice(precision: str, tolerance: float) -> None:
    model = small()
    rng = np.random.default_rng(0)
    image, flow = rng.integers(0, 256, (2, 1, *SIZE, 3), dtype=np.uint8)
    usual, chosen = TorchBackend(model), TorchBackend(model, precision=precision)
    (kept,) = usual(image, flow, Memory.blank(model.config), remember=True)[1]
    (a, (own_a,), _), (b, (own_b,), _) = (run(image, flow, kept, remember=True) for run in (usual, chosen))
    assert a.shape == b.shape
    assert b.dtype == own_b.key.dtype == np.float32
    assert np.abs(a - b).mean() <= tolerance
    if precision == "bf16":
        assert not np.array_equal(a, b)
    assert own_a.key.shape == own_b.key.shape
