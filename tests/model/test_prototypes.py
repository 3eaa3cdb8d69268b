"""Prototypes and correlation: METHOD.md's formulas, and laws that any input must obey."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dpa.model.prototypes import correlation, prototypes

maps = st.builds(
    lambda seed, b, d, h, w, scale: scale * torch.randn(b, d, h, w, generator=torch.manual_seed(seed)),
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.integers(2, 12),
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from([0.0, 0.01, 1.0, 30.0]),
)
laws = settings(max_examples=40, deadline=None)


@laws
@given(maps)
def test_prototypes_are_weighted_means(x: torch.Tensor) -> None:
    weights = torch.softmax(x.flatten(2), dim=-1)  # one map a channel
    wanted = torch.einsum("bpn,bdn->bpd", weights, x.flatten(2))
    torch.testing.assert_close(prototypes(x), wanted)


@laws
@given(maps, st.randoms(use_true_random=False))
def test_prototypes_do_not_know_positions(x: torch.Tensor, random: object) -> None:
    order = list(range(x[0, 0].numel()))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = x.flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(prototypes(shuffled), prototypes(x), rtol=1e-4, atol=1e-4)


@laws
@given(maps)
def test_correlation_is_the_cosine(x: torch.Tensor) -> None:
    p = prototypes(x)
    found = correlation(p, x)
    assert found.shape == (*p.shape[:2], *x.shape[2:])
    assert found.abs().max() <= 1 + 1e-5
    flat = x.flatten(2).unsqueeze(1)  # (B, 1, D, hw)
    wanted = torch.cosine_similarity(p.unsqueeze(-1), flat, dim=2).view_as(found)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


@laws
@given(maps, st.floats(0.1, 50), st.floats(0.1, 50))
def test_correlation_does_not_know_scale(x: torch.Tensor, a: float, b: float) -> None:
    p = prototypes(x)
    torch.testing.assert_close(correlation(a * p, b * x), correlation(p, x), atol=1e-5, rtol=1e-4)


def test_the_maps_carry_no_gradient() -> None:
    x = torch.randn(1, 4, 3, 5, requires_grad=True)
    weights = x.detach().flatten(2).softmax(-1)
    g = torch.randn(1, 4, 4)
    prototypes(x).backward(g)
    # P = M x^T with M held fixed: dP/dx is M alone.
    wanted = (g.transpose(1, 2) @ weights).view_as(x)
    torch.testing.assert_close(x.grad, wanted)


def test_half_precision_survives_nothing_and_much() -> None:
    for dtype in (torch.float16, torch.bfloat16):
        for value in (0.0, 1e-7, 300.0):
            x = torch.full((1, 8, 4, 4), value, dtype=dtype)
            c = correlation(prototypes(x), x)
            assert c.isfinite().all()
            assert c.abs().max() <= 1.01


def test_nothing_correlates_with_nothing() -> None:
    zero = torch.zeros(1, 4, 2, 2)
    assert torch.equal(correlation(prototypes(zero), zero), zero)
