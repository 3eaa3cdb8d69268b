"""What a mask says of itself."""

import sys

import numpy as np
import pytest

from dpa.engine.results import Mask
from dpa.errors import MissingExtra
from dpa.video.frame import Frame


def mask_of(binary: np.ndarray) -> Mask:
    probability = np.where(binary, np.float32(0.75), np.float32(0.25))
    return Mask(binary, probability, Frame(np.zeros((*binary.shape, 3), np.uint8), 3))


@pytest.fixture
def mask() -> Mask:
    binary = np.zeros((20, 30), bool)
    binary[4:9, 10:12] = binary[6, 10:20] = True
    return mask_of(binary)


def test_area_and_box(mask: Mask) -> None:
    assert (mask.area, mask.bbox) == (18, (10, 4, 10, 5))
    empty, full = mask_of(np.zeros((4, 6), bool)), mask_of(np.ones((4, 6), bool))
    assert (empty.area, empty.bbox) == (0, None)
    assert (full.area, full.bbox) == (24, (0, 0, 6, 4))


def test_the_encoding_is_cocos(mask: Mask) -> None:
    tools = pytest.importorskip("pycocotools.mask")
    rle = mask.rle()
    assert rle["size"] == [20, 30]
    assert np.array_equal(tools.decode(rle).astype(bool), mask.binary)
    assert tuple(tools.toBbox(rle)) == mask.bbox
    assert tools.area(rle) == mask.area


def test_masks_are_compared_as_objects_not_as_arrays(mask: Mask) -> None:
    other = mask_of(mask.binary)
    assert mask == mask
    assert mask != other
    assert mask.frame != other.frame
    assert len({mask, other}) == 2
    assert mask in [other, mask]


def test_as_detections(mask: Mask) -> None:
    supervision = pytest.importorskip("supervision")
    found = mask.to_supervision()
    assert isinstance(found, supervision.Detections)
    assert found.xyxy.tolist() == [[10, 4, 20, 9]]
    assert np.array_equal(found.mask[0], mask.binary)
    assert found.confidence.tolist() == [0.75]
    assert len(mask_of(np.zeros((4, 6), bool)).to_supervision()) == 0


def test_detections_need_their_library(mask: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtra, match=r'pip install "dpa-vos\[supervision\]"'):
        mask.to_supervision()
