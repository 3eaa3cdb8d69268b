"""EdgeConv and the attentions of IMA and IFA against METHOD.md's formulas; what they keep in memory."""

import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_samples import fill
from torch import Tensor, nn

from dpa.model.ifa import IFA
from dpa.model.ima import IMA, EdgeConv, TokenAttention
from dpa.model.prototypes import correlation, prototypes


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.manual_seed(seed))


def made(module: nn.Module) -> nn.Module:
    fill(module)
    return module.eval()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(2, 9), st.integers(1, 12))
def test_edgeconv_is_a_convolution_of_edges(seed: int, batch: int, dim: int, k: int) -> None:
    nodes = 12
    layer = made(EdgeConv(dim, k))
    x = random(batch, nodes, dim, seed=seed)
    distance = (x.unsqueeze(2) - x.unsqueeze(1)).square().sum(-1)
    nearest = distance.topk(k, dim=-1, largest=False).indices
    wanted = torch.empty(batch, nodes, dim)
    for b in range(batch):
        for i in range(nodes):
            edges = torch.stack([torch.cat([x[b, j] - x[b, i], x[b, i]]) for j in nearest[b, i]])  # (k, 2 D)
            mixed = edges @ layer.weight.T
            normal = layer.norm(mixed.T[None, :, :, None])[0, :, :, 0]  # (D, k)
            wanted[b, i] = nn.functional.leaky_relu(normal, 0.2).amax(dim=1)
    torch.testing.assert_close(layer(x), wanted, rtol=1e-4, atol=1e-4)


def test_a_node_is_its_own_nearest_neighbour() -> None:
    x = random(1, 20, 8)
    assert torch.equal(EdgeConv(8, 1)._nearest(x)[..., 0], torch.arange(20)[None])


def test_neighbours_are_found_in_full_precision_under_autocast() -> None:
    x = 200 + random(2, 32, 16)  # far from the origin: squares swallow the differences in half precision
    layer = EdgeConv(16, 5)
    wanted = layer._nearest(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer._nearest(x), wanted)


def explicit(block: TokenAttention, own: Tensor, other: Tensor) -> Tensor:
    def normal(tokens: Tensor) -> Tensor:
        return torch.relu(block.norm(tokens.transpose(1, 2)).transpose(1, 2))

    own, other = normal(own), normal(other)
    weights = torch.softmax(block.query(own) @ block.key(other).transpose(1, 2), dim=-1)  # not scaled
    return own + block.back(weights @ block.value(own))


def test_mutual_attention_takes_the_key_alone_from_the_other() -> None:
    block = made(TokenAttention(8))
    own, other = random(2, 30, 8), random(2, 30, 8, seed=1)
    torch.testing.assert_close(block(own, other), explicit(block, own, other), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(block(own, own), explicit(block, own, own), rtol=1e-4, atol=1e-5)


def test_ima_follows_its_four_steps() -> None:
    ima = made(IMA(6, 8, 4, streams=2))
    f = [random(2, 6, 5, 4, seed=s) for s in (0, 1)]
    x = [random(2, 8, 5, 4, seed=s) for s in (2, 3)]
    maps = [correlation(ima.refine[s](prototypes(x[s])), x[s]) for s in (0, 1)]
    tokens = [m.flatten(2).transpose(1, 2) for m in maps]
    for s, fused in enumerate(ima(f, x)):
        refined = explicit(ima.exchange[s], tokens[s], tokens[1 - s]).transpose(1, 2).view_as(maps[s])
        wanted = ima.fuse[s](torch.cat([f[s], refined], dim=1))
        torch.testing.assert_close(fused, wanted, rtol=1e-4, atol=1e-5)


def test_one_stream_has_no_exchange() -> None:
    ima = made(IMA(6, 8, 4, streams=1))
    f, x = random(1, 6, 5, 4), random(1, 8, 5, 4, seed=1)
    wanted = ima.fuse[0](torch.cat([f, correlation(ima.refine[0](prototypes(x)), x)], dim=1))
    torch.testing.assert_close(ima([f], [x])[0], wanted)


def test_no_matrix_of_positions_by_positions_is_kept() -> None:
    """Saved for the backward pass: activations of h w times D, and never h w times h w."""
    ima = IMA(4, 8, 4, streams=2)
    fill(ima)
    side = 32
    f = [random(1, 4, side, side, seed=s).requires_grad_() for s in (0, 1)]
    x = [random(1, 8, side, side, seed=s).requires_grad_() for s in (2, 3)]
    largest = 0

    def note(tensor: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        ima(f, x)
    assert 0 < largest < (side * side) ** 2 // 16


@pytest.fixture(scope="module")
def ifa() -> IFA:
    module = IFA(6, 8)
    fill(module)
    return module.eval()


def test_ifa_is_scaled_attention_over_all_references(ifa: IFA) -> None:
    f5, x = random(2, 6, 3, 4), random(2, 8, 3, 4, seed=1)
    key, value = random(2, 24, 8, seed=2), random(2, 24, 8, seed=3)
    weights = torch.softmax(prototypes(x) @ key.transpose(1, 2) / 8**0.5, dim=-1)
    wanted = ifa.fuse(torch.cat([f5, correlation(weights @ value, x)], dim=1))
    torch.testing.assert_close(ifa(f5, x, key, value), wanted)


def test_a_reference_is_two_small_matrices(ifa: IFA) -> None:
    key, value = ifa.memory(random(2, 6, 3, 4))
    assert key.shape == value.shape == (2, 8, 8)
    assert not torch.allclose(key, value)  # V has a convolution of its own


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)), st.integers(1, 4), st.integers(0, 10**6))
def test_ifa_knows_neither_order_nor_number_of_equal_references(order: list[int], n: int, seed: int) -> None:
    ifa = made(IFA(6, 8))
    f5, x = random(1, 6, 3, 4, seed=seed), random(1, 8, 3, 4, seed=seed + 1)
    key, value = random(1, 4, 8, 8, seed=seed + 2), random(1, 4, 8, 8, seed=seed + 3)

    def read(rows: list[int]) -> Tensor:
        return ifa(f5, x, key[:, rows].flatten(1, 2), value[:, rows].flatten(1, 2))

    torch.testing.assert_close(read(order), read([0, 1, 2, 3]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(read([0] * n), read([0]), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile wants a C++ compiler")
def test_compiled_gradients_in_bfloat16_are_finite() -> None:
    # The compiler computes the edges anew without rounding: what asks which are the maximum then finds none.
    torch.manual_seed(0)
    layer = EdgeConv(8, neighbours=3).train()
    nn.init.normal_(layer.weight, std=0.01)
    x = (0.05 * torch.randn(2, 8, 8)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = torch.compile(layer)(x).float().sum()
    value.backward()
    for tensor in (x, *layer.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()
