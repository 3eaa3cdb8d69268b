"""Epochs: every item once, extra ones drawn anew, any place without the ones before."""

from hypothesis import given
from hypothesis import strategies as st

from dpa.train.data.order import Order


@given(st.integers(1, 30), st.integers(0, 60), st.integers(0, 5))
def test_every_epoch_holds_each_fixed_item_once_and_as_many_drawn_ones(
    fixed: int, drawn: int, seed: int
) -> None:
    order = Order(fixed, drawn, seed)
    assert len(order) == fixed + min(fixed, drawn)
    for epoch in range(3):
        items = [order[epoch * len(order) + k] for k in range(len(order))]
        assert len(set(items)) == len(items)
        assert set(range(fixed)) <= set(items)
        assert max(items) < fixed + drawn


def test_drawn_anew_and_shuffled_anew() -> None:
    order = Order(40, 1000, seed=1)
    first, second = ([order[e * 80 + k] for k in range(80)] for e in (0, 1))
    assert first != second
    assert len({i for i in first + second if i >= 40}) > 70
    assert first != sorted(first)


def test_any_place_in_any_order() -> None:
    order, again = Order(7, 3, seed=4), Order(7, 3, seed=4)
    forwards = [order[p] for p in range(40)]
    assert [again[p] for p in reversed(range(40))] == forwards[::-1]
    assert forwards != [Order(7, 3, seed=5)[p] for p in range(40)]
