"""Training batches: a pure function of seed and iteration, picture, mask and flow of one place."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dpa.data.augment import AugmentSettings
from dpa.data.batches import Batches, read_view
from dpa.data.layout import find_sequences, find_stills
from dpa.errors import InputError

PLAIN = AugmentSettings(border=0, brightness=(1, 1), contrast=(1, 1), colour=(1, 1), sharpness=(1, 1))


def test_flow_of_smaller_frames_stays_aligned(tmp_path: Path) -> None:
    # `dpa flow --size` writes pictures smaller than the frames: crops must take the same part of both.
    mask = np.zeros((120, 200), np.uint8)
    mask[30:90, 100:180] = 255
    for kind, size in (("RGB", (200, 120)), ("GT", (200, 120)), ("FLOW", (100, 60))):
        (tmp_path / kind).mkdir()
        picture = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / kind / "box_00000.png"), picture)
    settings = AugmentSettings(**vars(PLAIN) | {"crop": 0.5, "rotate": 1.0})
    batches = Batches(
        [],
        find_sequences(tmp_path, masks=True, flows=True),
        groups=8,
        views=2,
        share=0.0,
        sizes=[(96, 160)],
        motion=True,
        settings=settings,
        seed=0,
    )
    batch = batches[0]
    assert batch.flow is not None
    for picture in (batch.image, batch.flow):
        found = picture[:, :1] > 127
        union = np.count_nonzero(found | (batch.mask > 0))
        assert np.count_nonzero(found & (batch.mask > 0)) > 0.95 * union
