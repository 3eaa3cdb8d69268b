import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.datasets.classes import YOUTUBE_OBJECTS, class_of
from dpa.errors import InputError
from dpa.evaluate.protocols import (
    PROTOCOLS,
    decay,
    find_protocol,
    recall,
    summarise,
)


def test_recall_counts_what_is_above_a_half() -> None:
    assert recall(np.array([0.5, 0.500001, 1.0, 0.2])) == 0.5


def test_decay_by_hand() -> None:
    # Frames 0 ... 8 are cut at 0, 2, 4, 6, 8; a quarter has both its cuts in it.
    values = np.array([0.9, 0.8, 0.7, 0, 0, 0, 0.4, 0.3, 0.2])
    assert decay(values) == pytest.approx(0.8 - 0.3)
    # Frames 0 ... 5: cuts at 0, 1.25, 2.5, 3.75, 5, rounded 0, 1, 3, 4, 5.
    assert decay(np.array([1.0, 0.8, 0, 0, 0.5, 0.3])) == pytest.approx(0.9 - 0.4)
    assert decay(np.array([0.7])) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=250))
def test_decay_is_that_of_the_public_definition(values: list[float]) -> None:
    """Cuts are round(linspace(1, N, 5) + 1e-10), counted from 1, as published."""
    cuts = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first, last = np.mean(values[cuts[0] : cuts[1] + 1]), np.mean(values[cuts[3] : cuts[4] + 1])
    assert decay(np.array(values)) == pytest.approx(first - last, abs=1e-12)


def test_summary_of_a_sequence() -> None:
    figures = summarise(np.array([1.0, 0.4]), np.array([0.6, 0.6]))
    assert figures == pytest.approx(
        {
            "J": 0.7,
            "J_recall": 0.5,
            "J_decay": 0.6,
            "F": 0.6,
            "F_recall": 1,
            "F_decay": 0,
            "JF": 0.65,
        }
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cat0001", "cat"),
        ("cat_0001", "cat"),
        ("cat-1", "cat"),
        ("Cat/0001", "cat"),
        ("cat/data/0001", "cat"),
        ("motorbike", "motorbike"),
        ("cattle01", None),
        ("0001", None),
        ("zebra0001", None),
    ],
)
def test_class_of_a_sequence(name: str, wanted: str | None) -> None:
    assert class_of(name, YOUTUBE_OBJECTS) == wanted


def test_protocols_by_name() -> None:
    assert all(find_protocol(name).name == name for name in PROTOCOLS)
    with pytest.raises(InputError, match=r"unknown protocol 'davis'.*davis16"):
        find_protocol("davis")
