"""The working size."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.model.size import fit, working_size


@pytest.mark.parametrize(
    ("frame", "size", "keep", "wanted"),
    [
        ((480, 854), 512, False, (512, 512)),
        ((480, 854), 384, True, (288, 512)),
        ((854, 480), 384, True, (512, 288)),
        ((100, 100), 100, False, (96, 96)),
        ((1080, 1920), 10, False, (64, 64)),
    ],
)
def test_examples(frame: tuple[int, int], size: int, keep: bool, wanted: tuple[int, int]) -> None:
    assert working_size(frame, size, keep) == wanted


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(64, 1024), st.booleans())
def test_multiples_of_32_and_bounded(h: int, w: int, size: int, keep: bool) -> None:
    tall, wide = working_size((h, w), size, keep)
    assert tall % 32 == wide % 32 == 0
    assert min(tall, wide) >= 64
    # However long the frame is: rounding aside, no more than twice the area.
    assert (tall - 16) * (wide - 16) <= 2 * size**2


def test_fit_averages_where_it_shrinks() -> None:
    board = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 200
    assert np.ptp(fit(board, (32, 32))) == 0
    assert fit(board, (64, 64)) is board
    assert fit(np.zeros((5, 7, 3), np.uint8), (64, 96)).shape == (64, 96, 3)


def test_fit_of_a_large_picture_is_an_average_too() -> None:
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (1080, 1920, 3), dtype=np.uint8), (0, 0), 2)
    wanted = cv2.resize(image, (256, 128), interpolation=cv2.INTER_AREA)
    found = fit(image, (128, 256))
    assert np.abs(found.astype(int) - wanted).mean() < 1
    assert abs(found.mean() - image.mean()) < 0.5
