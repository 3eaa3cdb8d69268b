from pathlib import Path

import pytest

from dpa.datasets.layout import find_sequences, find_still_flows, find_stills, is_dataset
from dpa.errors import InputError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_flat(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(f"RGB/{name}.jpg" for name in ("bear_00001", "bear_00000", "rollerblade_fast_00000")),
        "GT/bear_00000.png",
        "GT/bear_00001.png",
        "FLOW/bear_00001.jpg",
    )
    bear, rollerblade = find_sequences(tmp_path)
    assert bear.name == "bear"
    assert bear.images == (tmp_path / "RGB/bear_00000.jpg", tmp_path / "RGB/bear_00001.jpg")
    assert bear.masks == (tmp_path / "GT/bear_00000.png", tmp_path / "GT/bear_00001.png")
    assert bear.flows == (None, tmp_path / "FLOW/bear_00001.jpg")
    assert rollerblade.name == "rollerblade_fast"
    assert rollerblade.masks == rollerblade.flows == (None,)


def test_a_name_is_not_cut_at_its_first_underscore(tmp_path: Path) -> None:
    touch(tmp_path, "RGB/dog_agility_00000.jpg", "RGB/dog_walk_00000.jpg", "RGB/dog_2_00000.jpg")
    assert [sequence.name for sequence in find_sequences(tmp_path)] == ["dog_2", "dog_agility", "dog_walk"]


def test_by_sequence(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "surf/RGB/surf_00000.jpg",
        "surf/GT/surf_00000.png",
        "bus/RGB/00000.jpg",
        "bus/RGB/00001.jpg",
    )
    touch(tmp_path, "README.md", ".hidden/RGB/x_00000.jpg", "other/notes.txt")
    bus, surf = find_sequences(tmp_path)
    assert (bus.name, len(bus.images)) == ("bus", 2)
    assert (surf.name, surf.masks) == ("surf", (tmp_path / "surf/GT/surf_00000.png",))


def test_all_pictures_of_a_sequences_folder_are_its_frames(tmp_path: Path) -> None:
    touch(tmp_path, "cats/RGB/0001_007.jpg", "cats/RGB/0002_001.jpg", "cats/RGB/last.jpg")
    (cats,) = find_sequences(tmp_path)
    assert cats.name == "cats"
    assert len(cats.images) == 3


def test_one_sequences_folder_and_frames_without_a_name(tmp_path: Path) -> None:
    touch(tmp_path / "bus", "RGB/00000.jpg", "RGB/00001.jpg")
    (bus,) = find_sequences(tmp_path / "bus")
    assert bus.name == "bus"


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    touch(tmp_path, *(f"RGB/cat_{number}.jpg" for number in (10, 9, 1, 100)))
    (cat,) = find_sequences(tmp_path)
    assert [path.stem for path in cat.images] == ["cat_1", "cat_9", "cat_10", "cat_100"]


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "RGB/a_0.JPG", "RGB/.a_1.jpg", "RGB/Thumbs.db", "GT/notes.txt", "GT/a_0.png")
    (only,) = find_sequences(tmp_path)
    assert only.images == (tmp_path / "RGB/a_0.JPG",)


@pytest.mark.parametrize(
    ("files", "needs", "message"),
    [
        ((), {}, "not a data set"),
        (("GT/a_0.png",), {}, "not a data set"),
        (("RGB/readme.txt",), {}, "RGB: no pictures"),
        (("RGB/a_0.jpg", "RGB/a_0.png"), {}, "two pictures of one name"),
        (("RGB/a_0.jpg", "GT/a_1.png"), {}, r"a_1\.png: no picture a_1"),
        (("RGB/a_0.jpg", "GT/a_0.png", "RGB/a_1.jpg"), {"masks": True}, r"GT/a_1: a_1\.jpg has no mask"),
        (("s/RGB/a_0.jpg",), {"flows": True}, r"s/FLOW/a_0: a_0\.jpg has no flow.*dpa flow"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, files: tuple[str, ...], needs: dict, message: str) -> None:
    touch(tmp_path, *files)
    with pytest.raises(InputError, match=message):
        find_sequences(tmp_path, **needs)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone: no such folder"):
        find_sequences(tmp_path / "gone")
    assert not is_dataset(tmp_path / "gone")
    assert not is_dataset(touch(tmp_path, "frames/00000.jpg"))


def test_stills(tmp_path: Path) -> None:
    touch(tmp_path, "RGB/ccp_0001.jpg", "RGB/ccp_0006.jpg", "GT/ccp_0001.png", "GT/ccp_0006.png")
    assert find_stills(tmp_path) == [
        (tmp_path / "RGB/ccp_0001.jpg", tmp_path / "GT/ccp_0001.png"),
        (tmp_path / "RGB/ccp_0006.jpg", tmp_path / "GT/ccp_0006.png"),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("GT/a.png",), "RGB: no such folder"),
        (("RGB/a.jpg",), "GT: no such folder"),
        (("RGB/a.jpg", "RGB/b.jpg", "GT/a.png"), r"GT/b: b\.jpg has no mask"),
        (("RGB/a.jpg", "GT/a.png", "GT/b.png"), r"GT/b\.png: no picture b"),
    ],
)
def test_stills_without_all_of_it(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_stills(touch(tmp_path, *files))


def test_flow_of_stills_belongs_to_them_by_name(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{kind}/{k}.png" for kind in ("RGB", "GT") for k in (2, 10, 1)))
    stills = find_stills(tmp_path)
    assert find_still_flows(str(tmp_path), stills) == [None] * 3, "there need be none"
    touch(tmp_path, "FLOW/10.jpg", "FLOW/1.jpg")
    assert find_still_flows(tmp_path, stills) == [tmp_path / "FLOW/1.jpg", None, tmp_path / "FLOW/10.jpg"]
    touch(tmp_path, "FLOW/3.jpg")
    with pytest.raises(InputError, match=r"FLOW.3\.jpg: no picture 3 in"):
        find_still_flows(tmp_path, stills)


def test_an_empty_folder_of_masks_or_flow_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "RGB/bear_00000.jpg")
    for kind in ("GT", "FLOW"):
        (tmp_path / kind).mkdir()
    (sequence,) = find_sequences(tmp_path)
    assert (sequence.masks, sequence.flows) == ((None,), (None,))


@pytest.mark.real
def test_real_data(shared: Path) -> None:
    data = shared / "data"
    train = find_sequences(data / "DAVIS_train", masks=True)
    dev = find_sequences(data / "DAVIS_dev", masks=True)
    assert (len(train), sum(len(sequence.images) for sequence in train)) == (24, 1732)
    assert (len(dev), sum(len(sequence.images) for sequence in dev)) == (6, 347)
    assert len(find_stills(data / "STILLS_train")) == 2020
