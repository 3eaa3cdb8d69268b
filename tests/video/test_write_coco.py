"""COCO files, against the library of the data set's authors."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from hypothesis.strategies import integers, lists
from video_samples import SIZE, make_folder, make_video, results, run

from dpa.video import open_sink, open_source
from dpa.video.segmented import Segmented
from dpa.video.write import coco as coco_module
from dpa.video.write.rle import _to_string, encode

# Of pycocotools itself, with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(masks)
def test_masks_are_encoded_as_pycocotools_does(mask):
    theirs = pytest.importorskip("pycocotools.mask")
    ours = encode(mask)
    expected = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert ours["counts"].encode() == expected["counts"]
    assert ours["size"] == list(expected["size"])
    assert np.array_equal(theirs.decode(ours), mask)


@pytest.mark.parametrize("value", [False, True])
def test_masks_of_one_value_and_of_full_size(value):
    theirs = pytest.importorskip("pycocotools.mask")
    mask = np.full((2160, 3840), value)
    assert np.array_equal(theirs.decode(encode(mask)), mask)


def test_the_file_is_read_by_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    path = make_video(tmp_path / "in.mp4", 4)
    with open_source(path) as source, open_sink(tmp_path / "out.json", None, source) as sink:
        for frame in source.frames():
            probability, mask, flow = results(frame.index)
            mask = mask & (frame.index != 2)
            sink.write(Segmented(frame, probability, mask, flow))
    data = coco.COCO(str(tmp_path / "out.json"))
    assert data.getImgIds() == [1, 2, 3, 4]
    assert [image["file_name"] for image in data.loadImgs([1, 2, 3, 4])] == [f"{i:05d}.png" for i in range(4)]
    assert [image["time"] for image in data.loadImgs([1, 4])] == [0, 3 / 25]
    assert data.getAnnIds(imgIds=[3]) == []
    for index in (0, 1, 3):
        (annotation,) = data.loadAnns(data.getAnnIds(imgIds=[index + 1]))
        mask = results(index)[1]
        assert np.array_equal(data.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        x, y, width, height = annotation["bbox"]
        inside = np.zeros(SIZE, bool)
        inside[y : y + height, x : x + width] = True
        assert not (mask & ~inside).any()
        assert annotation["category_id"] in data.getCatIds()


def test_pictures_of_a_folder_keep_their_names(tmp_path):
    folder = make_folder(tmp_path / "in", ["b1.jpg", "b2.jpg"])
    with open_source(folder) as source, open_sink(tmp_path / "out.json", "coco", source) as sink:
        run(source, sink)
    data = json.loads((tmp_path / "out.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["b1.png", "b2.png"]
    assert all("time" not in image for image in data["images"])
    assert [image["width"] for image in data["images"]] == [64, 64]


def test_boxes_are_those_of_the_object():
    mask = np.zeros((9, 12), bool)
    mask[3:5, 7:10] = True
    told = coco_module._annotation(6, mask)
    assert (told["bbox"], told["area"]) == ([7, 3, 3, 2], 6)
    assert (told["id"], told["image_id"], told["iscrowd"], told["category_id"]) == (7, 7, 0, 1)
    whole = coco_module._annotation(0, np.ones((9, 12), bool))
    assert whole["bbox"] == [0, 0, 12, 9]


def test_an_aborted_file_leaves_nothing_and_a_closed_one_stays(tmp_path):
    path = make_video(tmp_path / "in.mp4", 2)
    with open_source(path) as source:
        sink = open_sink(tmp_path / "out.json", None, source)
        run(source, sink)
        sink.close()
        sink.close()
        written = (tmp_path / "out.json").read_bytes()
        sink.abort()
        other = open_sink(tmp_path / "two.json", None, source)
        other.abort()
    assert (tmp_path / "out.json").read_bytes() == written
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in.mp4", "out.json"]


def plainly(number):
    """One number as maskApi.c's rleToString writes it."""
    text, more = "", True
    while more:
        group = number & 31
        number >>= 5
        more = number != -1 if group & 16 else number != 0
        text += chr((group | 32 if more else group) + 48)
    return text


@given(lists(integers(0, 2**33), min_size=1, max_size=9))
def test_runs_of_any_length(runs):
    numbers = [run - (runs[k - 2] if k > 2 else 0) for k, run in enumerate(runs)]
    assert _to_string(np.array(runs)) == "".join(map(plainly, numbers))
