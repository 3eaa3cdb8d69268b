"""The plane that says where the object's border is."""

import numpy as np
import pytest

from dpa.train.data.border import ONE, border


def test_by_hand() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 20:] = 255
    near = border(mask) / ONE
    # At x the neighbourhood is x - 7 to x + 7: of its 15 columns so many are the object's.
    assert near[20, 19] == pytest.approx(7 / 15, abs=1e-7)
    assert near[20, 20] == pytest.approx(7 / 15, abs=1e-7)
    assert near[20, 13] == pytest.approx(1 / 15, abs=1e-7)
    assert near[20, 12] == 0
    assert near[20, 27] == 0


def test_what_is_outside_does_not_count() -> None:
    assert not border(np.full((20, 30), 255, np.uint8)).any()
    mask = np.zeros((20, 30), np.uint8)
    mask[0, 0] = 255  # its neighbourhood in the picture is 8 x 8
    assert border(mask)[0, 0] / ONE == pytest.approx(1 - 1 / 64, abs=1e-7)
