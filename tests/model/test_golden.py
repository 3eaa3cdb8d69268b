"""Every part of the network against `slow_dpa`, in float64, and against the numbers kept in golden.npz.

`python tests/model/test_golden.py` makes golden.npz from the slow network alone and prints the table of
docs/network.md: only when the method's description is what changed.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_samples import build
from slow_dpa import SlowDPA, vgg_stages
from slow_layers import Array, detach, prototypes, resize, soft_iou_loss
from torch import Tensor

from dpa.model.dpa import DPA, References, share
from dpa.model.prototypes import prototypes as fast_prototypes
from dpa.train.loss import loss

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("golden.npz")
SIZE = (64, 96)
QUERIES, REFERENCES = 3, 2
KEPT = 200  # numbers kept of a tensor
STEP = 1e-30
SEEN: dict[Any, Array] = {}
"""What the slow encoders gave of `network()`, whose weights stay where they are."""
MEAN, STD = (np.array(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
# Weights whose directional derivative is taken: one of every kind of layer.
MOVED = [
    "encoders.0.stages.0.0.weight",
    "encoders.0.stages.4.1.weight",
    "encoders.1.stages.2.1.weight",
    "squeeze4.1.weight",
    "squeeze5.0.bias",
    "ima4.refine.0.attention.norm.weight",
    "ima4.refine.1.attention.query.weight",
    "ima5.refine.0.graph.0.weight",
    "ima5.refine.1.graph.2.norm.bias",
    "ima4.exchange.0.norm.weight",
    "ima4.exchange.1.key.weight",
    "ima5.exchange.0.value.weight",
    "ima5.fuse.1.0.weight",
    "ifa.0.key.weight",
    "ifa.1.value.weight",
    "ifa.1.fuse.1.weight",
    "join5.0.weight",
    "decoder.level6.0.body.4.branches.1.0.weight",
    "decoder.level6.1.body.4.pool.0.weight",
    "decoder.level4.1.weight",
    "decoder.fuse.1.body.0.0.weight",
    "decoder.merge5.out.0.weight",
    "decoder.predict.weight",
    "decoder.refine.0.squeeze.weight",
    "decoder.refine.2.body.1.0.weight",
    "decoder.refine.2.predict.bias",
]
PARTS = [
    *(f"encoders.{s}.f{i}" for s in (0, 1) for i in (1, 2, 3, 4, 5)),
    *(f"{part}.{s}" for part in ("prototypes", "ima4", "ima5", "key", "value", "ifa") for s in (0, 1)),
    "level6.0",
    *(f"{part}.{level}" for part in ("decoder", "prediction") for level in (4, 3, 2, 1)),
]


def network(**changes: object) -> DPA:
    """Narrow but for VGG-16, every weight filled from its name, the batch norms' too."""
    model = build("dpa-vgg16", **changes)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1 and name.endswith("weight"):
                p += torch.from_numpy(0.2 * np.sin(np.arange(len(p)) + len(name)))
    model.mean, model.std = torch.from_numpy(MEAN), torch.from_numpy(STD)  # float64's, not float32's rounded
    return model.double()


def numpy(x: Tensor) -> Array:
    return x.detach().numpy()


def weights(model: DPA) -> dict[str, Array]:
    return {name: numpy(t) for name, t in model.state_dict().items()}


def slow_network(w: dict[str, Array], training: bool = False, streams: int = 2) -> SlowDPA:
    return SlowDPA(w, [vgg_stages(w, s, SEEN) for s in range(streams)], training)


def frames(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Blobs, made in float64: what torch interpolates in float32 depends on the number of its threads."""
    coarse = [np.random.default_rng(s).random((count, 3, 5, 7)) for s in (seed, seed + 1000)]
    image, flow = (torch.from_numpy(resize(x, SIZE)) for x in coarse)
    return image, flow


def normalised(image: Tensor, flow: Tensor) -> list[Array]:
    """What the two encoders see: ImageNet's mean and std for the picture alone."""
    return [(numpy(image) - MEAN) / STD, numpy(flow)]


def masks() -> Array:
    """Soft ones, as training gives them after a resize, in steps that float32 holds exactly."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disks = [np.clip(1.2 - np.hypot(rows - 30, columns - 20 * b) / 20, 0, 1) for b in (1, 2, 3)]
    return np.round(256 * np.stack(disks)[:, None]) / 256


def slow_parts(w: dict[str, Array]) -> dict[str, Array]:
    """Outputs of every part in evaluation mode, each from inputs that the slow network made."""
    slow = slow_network(w)
    query, rest = normalised(*frames(QUERIES, 0)), normalised(*frames(QUERIES * REFERENCES, 50))
    plain = [slow.plain(x, s) for s, x in enumerate(query)]
    parts = {f"encoders.{s}.f{i + 1}": f for s in (0, 1) for i, f in enumerate(plain[s])}
    f4, f5 = ([p[i] for p in plain] for i in (3, 4))
    parts |= {f"prototypes.{s}": prototypes(slow.conv(f, f"squeeze5.{s}")) for s, f in enumerate(f5)}
    parts |= {f"ima4.{s}": f for s, f in enumerate(slow.ima(f4, 4))}
    parts |= {f"ima5.{s}": f for s, f in enumerate(slow.ima(f5, 5))}
    parts["level6.0"] = slow.level6(wide(), 0)
    references = slow_references(slow, rest)
    for s in (0, 1):
        parts[f"key.{s}"], parts[f"value.{s}"] = (np.array(x) for x in zip(*references[s], strict=True))
        parts[f"ifa.{s}"] = slow.ifa(f5[s], references[s], s)
    parts |= named("decoder", slow.decode(plain[0][:3], f4, f5))
    parts |= named("prediction", slow.segment(query, references))
    return parts


def wide() -> Array:
    """A stage 5 of a large picture: all of ASPP's dilated kernels reach into its half."""
    return np.sin(np.arange(512 * 28 * 76, dtype=float)).reshape(1, 512, 28, 76)


def slow_references(slow: SlowDPA, inputs: list[Array]) -> list[list[tuple[Array, Array]]]:
    """Per stream and query frame: prototypes of its references' K and V, one after the other."""
    out = []
    for s, x in enumerate(inputs):
        key, value = slow.reference(detach(slow.plain(x, s)[-1]), s)
        sets = [np.split(p, QUERIES) for p in (key, value)]
        out.append([(np.concatenate(k), np.concatenate(v)) for k, v in zip(*sets, strict=True)])
    return out


def named(name: str, found: list[Array]) -> dict[str, Array]:
    return {f"{name}.{4 - i}": x for i, x in enumerate(found)}


def slow_loss(w: dict[str, Array]) -> Array:
    """Of stage 2, batch statistics."""
    slow = slow_network(w, training=True)
    query, rest = normalised(*frames(QUERIES, 0)), normalised(*frames(QUERIES * REFERENCES, 50))
    return soft_iou_loss(slow.segment(query, slow_references(slow, rest)), masks())


def direction(name: str, shape: tuple[int, ...]) -> Array:
    """The way in which a weight is moved: waves, so that every number of its gradient counts."""
    return np.cos(np.arange(np.prod(shape, dtype=int)) + len(name)).reshape(shape)


def slow_derivatives(w: dict[str, Array], names: list[str]) -> Array:
    """Of the loss, along `direction` of every named weight: exact, from the imaginary part."""
    found = []
    for name in names:
        moved = w[name] + 1j * STEP * direction(name, w[name].shape)
        found.append(slow_loss(w | {name: moved}).imag / STEP)
    return np.array(found)


@torch.no_grad()
def fast_parts(model: DPA, slow: dict[str, Array]) -> dict[str, Array]:
    """The same parts of `dpa.model`, fed with what the slow ones gave."""
    parts = {}
    features = model.encode(*frames(QUERIES, 0))
    for s, stages in enumerate(features.streams):
        stages = [*stages, model._stages(s).deep(stages[-1])]
        parts |= {f"encoders.{s}.f{i + 1}": numpy(f) for i, f in enumerate(stages)}
    given = {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in slow.items()}
    f4, f5 = ([given[f"encoders.{s}.f{i}"] for s in (0, 1)] for i in (4, 5))
    squeezed4, squeezed5 = (
        [squeeze(f) for squeeze, f in zip(squeezes, fs, strict=True)]
        for squeezes, fs in ((model.squeeze4, f4), (model.squeeze5, f5))
    )
    parts |= {f"prototypes.{s}": numpy(fast_prototypes(x)) for s, x in enumerate(squeezed5)}
    parts |= {f"ima4.{s}": numpy(f) for s, f in enumerate(model.ima4(f4, squeezed4))}
    parts |= {f"ima5.{s}": numpy(f) for s, f in enumerate(model.ima5(f5, squeezed5))}
    parts["level6.0"] = numpy(model.decoder.level6[0](torch.from_numpy(wide())))
    references = fast_references(model)
    for s in (0, 1):
        parts[f"key.{s}"], parts[f"value.{s}"] = (numpy(x[:, s]) for x in references)
        key, value = given[f"key.{s}"], given[f"value.{s}"]
        parts[f"ifa.{s}"] = numpy(model.ifa[s](f5[s], squeezed5[s], key, value))
    fine = [given[f"encoders.0.f{i}"] for i in (1, 2, 3)]
    parts |= named("decoder", [numpy(p) for p in model.decoder(fine, f4, f5)])
    parts |= named("prediction", [numpy(p) for p in model.segment(features, references)])
    return parts


def fast_references(model: DPA) -> References:
    return share(model.reference(model.encode(*frames(QUERIES * REFERENCES, 50))), QUERIES, REFERENCES)


def fast_loss(model: DPA) -> Tensor:
    rest = [x.unflatten(0, (QUERIES, REFERENCES)) for x in frames(QUERIES * REFERENCES, 50)]
    return loss(model(*frames(QUERIES, 0), *rest), torch.from_numpy(masks()))


@pytest.fixture(scope="module")
def model() -> DPA:
    return network()


@pytest.fixture(scope="module")
def slow(model: DPA) -> dict[str, Array]:
    return slow_parts(weights(model))


@pytest.fixture(scope="module")
def fast(model: DPA, slow: dict[str, Array]) -> dict[str, Array]:
    return fast_parts(model, slow)


def kept(x: Array) -> Array:
    """At most KEPT numbers, evenly over the tensor."""
    flat = np.ravel(x)
    return flat[:: max(1, -(-len(flat) // KEPT))]


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_the_slow_networks(name: str, fast: dict[str, Array], slow: dict[str, Array]) -> None:
    assert np.std(slow[name]) > 1e-3  # alive
    np.testing.assert_allclose(fast[name], slow[name], rtol=0, atol=1e-12 * max(1, np.abs(slow[name]).max()))


def test_the_slow_network_is_the_kept_one(slow: dict[str, Array]) -> None:
    golden = np.load(GOLDEN)
    for name in PARTS:
        np.testing.assert_allclose(kept(slow[name]), golden[name], rtol=1e-11, atol=1e-12, err_msg=name)


def test_stage_1_is_the_slow_networks() -> None:
    """One stream: no mutual refinement, no references, no fusion of two streams in the decoder."""
    model = network(motion=False, ifa=False)
    with torch.no_grad():
        found = model.segment(model.encode(frames(QUERIES, 0)[0]))
    expected = slow_stage_1(weights(model))
    for name, values in named("stage1", [numpy(p) for p in found]).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-12)
        np.testing.assert_allclose(kept(values), np.load(GOLDEN)[name], rtol=0, atol=1e-12)


def test_loss_and_gradients_of_stage_2(model: DPA) -> None:
    golden = np.load(GOLDEN)
    value, derivatives = fast_derivatives(model)
    np.testing.assert_allclose(value, golden["loss"], rtol=1e-12)
    np.testing.assert_allclose(derivatives, golden["derivatives"], rtol=1e-7, atol=1e-10)
    assert np.abs(golden["derivatives"]).min() > 1e-9  # alive


def test_the_kept_derivatives_are_the_slow_networks(model: DPA) -> None:
    w = weights(model)
    assert np.load(GOLDEN)["loss"] == pytest.approx(slow_loss(w), rel=1e-12)
    np.testing.assert_allclose(
        slow_derivatives(w, MOVED[10:14]), np.load(GOLDEN)["derivatives"][10:14], rtol=1e-8
    )


def fast_derivatives(model: DPA) -> tuple[float, Array]:
    model = copy.deepcopy(model).train()
    value = fast_loss(model)
    value.backward()
    gradients = {name: numpy(p.grad) for name, p in model.named_parameters() if p.grad is not None}
    return value.item(), np.array(
        [(gradients[name] * direction(name, gradients[name].shape)).sum() for name in MOVED]
    )


def slow_stage_1(w: dict[str, Array]) -> dict[str, Array]:
    image = normalised(*frames(QUERIES, 0))[:1]
    return named("stage1", slow_network(w, streams=1).segment(image, None))


def main() -> None:
    model = network()
    w = weights(model)
    slow = slow_parts(w)
    derivatives = slow_derivatives(w, MOVED)
    values = slow | slow_stage_1(weights(network(motion=False, ifa=False)))
    kept_values = {name: kept(x) for name, x in values.items()}
    np.savez_compressed(GOLDEN, loss=slow_loss(w), derivatives=derivatives, **kept_values)
    fast = fast_parts(model, slow)
    groups: dict[str, float] = {}
    for name, x in slow.items():
        group = name.split(".")[0]
        groups[group] = max(groups.get(group, 0), np.abs(fast[name] - x).max())
    value, found = fast_derivatives(model)
    groups["stage-2 loss"] = abs(value - slow_loss(w))
    groups["gradients"] = np.abs(found - derivatives).max()
    for name, difference in groups.items():
        print(f"| {name} | {difference:.0e} |")


if __name__ == "__main__":
    main()
