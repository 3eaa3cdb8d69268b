"""What a mask says of itself."""

import sys
from types import SimpleNamespace

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


def test_what_is_told_to_supervision(mask: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Detections(SimpleNamespace):
        @classmethod
        def empty(cls) -> str:
            return "none"

    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=Detections))
    mask.probability[4, 10] = 0.95
    mask.probability[0, 0] = 0.9  # outside
    found = mask.to_supervision()
    assert found.xyxy.tolist() == [[10, 4, 20, 9]]
    assert found.xyxy.dtype == found.confidence.dtype == np.float32
    assert found.mask.shape == (1, 20, 30)
    assert np.array_equal(found.mask[0], mask.binary)
    assert found.confidence.tolist() == pytest.approx([0.75 + 0.2 / 18])
    assert found.class_id.tolist() == [0]
    assert mask_of(np.zeros((4, 6), bool)).to_supervision() == "none"


def test_boxes_at_the_border() -> None:
    for rows, columns in ((slice(0, 2), slice(3, 6)), (slice(2, 4), slice(0, 1)), (slice(1, 2), slice(5, 6))):
        binary = np.zeros((4, 6), bool)
        binary[rows, columns] = True
        box = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        assert mask_of(binary).bbox == box


def test_what_is_written_of_a_mask(mask: Mask) -> None:
    told = mask.segmented
    assert (told.frame, told.probability is mask.probability, told.mask is mask.binary) == (
        mask.frame,
        True,
        True,
    )
    assert (told.flow, told.alpha, mask.index, mask.time) == (None, None, 3, None)


def test_detections_need_their_library(mask: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtra, match=r'pip install "dpa-vos\[supervision\]"'):
        mask.to_supervision()
