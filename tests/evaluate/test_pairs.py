"""Layouts that are understood, and files that do not fit each other."""

from pathlib import Path

import pytest

from dpa.errors import InputError
from dpa.evaluate import pairs
from dpa.evaluate.pairs import find_pairs
from dpa.evaluate.protocols import find_protocol

EVERY = find_protocol("davis17-unsupervised-merged")
DAVIS, SPARSE = find_protocol("davis16"), find_protocol("longvideos")
CLASSES, STILLS = find_protocol("ytobj"), find_protocol("saliency")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(masks: Path, truth: Path, protocol: object = EVERY, frames: Path | None = None) -> dict:
    """Names of (truth, mask) by sequence."""
    sequences = find_pairs(masks, truth, protocol, frames)  # type: ignore[arg-type]
    return {one.name: [(p.ground_truth.name, p.mask.name) for p in one.pairs] for one in sequences}


@pytest.mark.parametrize("ours", ["{}/{}_{}.png", "{}/GT/{}_{}.png", "GT/{1}_{2}.png", "{1}_{2}.png"])
@pytest.mark.parametrize("theirs", ["{}/{}_{}.png", "{}/GT/{}_{}.png", "GT/{1}_{2}.png"])
def test_layouts(tmp_path: Path, ours: str, theirs: str) -> None:
    wanted = {}
    for sequence in ("bear", "rhino_2"):
        names = [f"{sequence}_{i}.png" for i in range(3)]
        touch(tmp_path / "m", *(ours.format(sequence, sequence, i) for i in range(3)))
        touch(tmp_path / "t", *(theirs.format(sequence, sequence, i) for i in range(3)))
        wanted[sequence] = [(name, name) for name in names]
    assert found(tmp_path / "m", tmp_path / "t") == wanted


def test_one_sequence_whatever_the_folders_are_called(tmp_path: Path) -> None:
    touch(tmp_path, "out/surf_0.png", "out/summary.json", "surf/GT/surf_0.png", "surf/RGB/surf_0.jpg")
    wanted = {"surf": [("surf_0.png", "surf_0.png")]}
    assert found(tmp_path / "out", tmp_path / "surf") == wanted
    assert found(tmp_path / "out", tmp_path / "surf" / "GT") == wanted
    (surf,) = find_pairs(tmp_path / "out", tmp_path / "surf" / "GT", EVERY)
    assert surf.pairs[0].image == tmp_path / "surf/RGB/surf_0.jpg"


def test_frames_by_number_where_no_name_agrees(tmp_path: Path) -> None:
    touch(tmp_path, "m/bear/00002.png", "m/bear/00010.png", "t/bear/bear_2.png", "t/bear/bear_10.png")
    wanted = [("bear_2.png", "00002.png"), ("bear_10.png", "00010.png")]
    assert found(tmp_path / "m", tmp_path / "t") == {"bear": wanted}


def test_ends_are_left_out(tmp_path: Path) -> None:
    names = [f"bear/bear_{i}.png" for i in range(4)]
    touch(tmp_path / "m", *names)
    touch(tmp_path / "t", *names)
    assert [name for name, _ in found(tmp_path / "m", tmp_path / "t", DAVIS)["bear"]] == [
        "bear_1.png",
        "bear_2.png",
    ]


def test_classes_of_folders(tmp_path: Path) -> None:
    names = ["cat/0001/frame_1.png", "dog/0001/frame_1.png"]
    touch(tmp_path / "m", *names)
    touch(tmp_path / "t", *names)
    sequences = find_pairs(tmp_path / "m", tmp_path / "t", CLASSES)
    assert [(one.name, one.group) for one in sequences] == [("cat/0001", "cat"), ("dog/0001", "dog")]
    touch(tmp_path / "m", "zebra0001/1.png")
    touch(tmp_path / "t", "zebra0001/1.png")
    with pytest.raises(InputError, match="zebra0001 begins with no class of ytobj: aeroplane"):
        find_pairs(tmp_path / "m", tmp_path / "t", CLASSES)


def test_stills_are_one_set_whatever_their_names(tmp_path: Path) -> None:
    names = ["GT/ecssd_0001.png", "GT/ccp_0001.png"]
    touch(tmp_path / "m", *names)
    touch(tmp_path / "t", *names)
    assert list(found(tmp_path / "m", tmp_path / "t", STILLS)) == ["t"]


def test_masks_of_frames_without_annotation(tmp_path: Path) -> None:
    touch(tmp_path, *(f"m/rat/{i:05d}.png" for i in range(6)), "t/rat/GT/00001.png", "t/rat/GT/00004.png")
    assert len(found(tmp_path / "m", tmp_path / "t", SPARSE)["rat"]) == 2
    with pytest.raises(InputError, match=r"m/rat/00000\.png: no annotation of sequence rat"):
        found(tmp_path / "m", tmp_path / "t", EVERY)
    # Where the frames are there, a mask must belong to one.
    touch(tmp_path, *(f"t/rat/RGB/{i:05d}.jpg" for i in range(5)))
    with pytest.raises(InputError, match=r"m/rat/00005\.png: no frame of sequence rat"):
        found(tmp_path / "m", tmp_path / "t", SPARSE)
    touch(tmp_path, "t/rat/RGB/00005.jpg")
    (rat,) = find_pairs(tmp_path / "m", tmp_path / "t", SPARSE)
    assert [mask.name if mask else None for _, mask in rat.masks] == [f"{i:05d}.png" for i in range(6)]


def test_frames_from_elsewhere(tmp_path: Path) -> None:
    touch(tmp_path, "m/bear/0.png", "t/bear/0.png", "f/bear/0.jpg")
    (bear,) = find_pairs(tmp_path / "m", tmp_path / "t", EVERY, tmp_path / "f")
    assert bear.pairs[0].image == tmp_path / "f/bear/0.jpg"
    touch(tmp_path, "other/rhino/0.jpg")
    with pytest.raises(InputError, match="other: no frames of sequence bear"):
        find_pairs(tmp_path / "m", tmp_path / "t", EVERY, tmp_path / "other")


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        ((), ("bear/0.png",), "m: no such folder"),
        (("notes.txt",), ("bear/0.png",), "m: no pictures in it, nor SEQUENCE"),
        (("bear/0.png", "rhino/0.png"), ("bear/0.png",), r"m/rhino: unknown sequence rhino: .*t has bear"),
        (("bear/0.png",), ("bear/0.png", "rhino/0.png"), "m: no masks of sequence rhino"),
        (("bear/0.png",), ("bear/0.png", "bear/1.png"), r"m/bear: no mask of frame 1, .*t/bear/1\.png"),
        (("bear/0.png", "bear/1.png"), ("bear/0.png",), r"m/bear/1\.png: no annotation of sequence bear"),
        (("bear/0.png", "bear/0.jpg"), ("bear/0.png",), "two pictures of one name"),
        (("bear/0.png", "view.png"), ("bear/0.png",), r"m: holds pictures, and folders .*\(bear\)"),
        (("bear/a_1.png", "bear/b_1.png"), ("bear/1.png",), "no mask of frame 1"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, ours: tuple, theirs: tuple, sentence: str) -> None:
    touch(tmp_path / "m", *ours)
    touch(tmp_path / "t", *theirs)
    with pytest.raises(InputError, match=sentence):
        found(tmp_path / "m", tmp_path / "t")


def test_a_sequence_of_two_frames_has_none_to_score(tmp_path: Path) -> None:
    touch(tmp_path, "m/bear/0.png", "m/bear/1.png", "t/bear/0.png", "t/bear/1.png")
    with pytest.raises(InputError, match="t/bear: davis16 scores no first or last frame"):
        found(tmp_path / "m", tmp_path / "t", DAVIS)


@pytest.mark.parametrize("other", ["RGB", "FLOW"])
def test_folders_of_other_pictures_are_no_sequences(tmp_path: Path, other: str) -> None:
    touch(tmp_path, "m/bear/0.png", "t/bear/0.png", f"m/{other}/0.png", f"t/{other}/0.png", "t/.old/0.png")
    assert list(found(tmp_path / "m", tmp_path / "t")) == ["bear"]


def test_no_deeper_than_classes(tmp_path: Path) -> None:
    touch(tmp_path, "m/cat/1/0.png", "t/cat/1/0.png", "t/dog/old/1/0.png")
    assert list(found(tmp_path / "m", tmp_path / "t")) == ["cat/1"]


def test_sequences_are_in_natural_order_however_they_are_laid_out(tmp_path: Path) -> None:
    names = [f"s{k}" for k in (10, 2, 1)]
    for root in ("m", "t"):
        touch(tmp_path / root / "GT", *(f"{name}_{i}.png" for name in names for i in range(2)))
    assert list(found(tmp_path / "m", tmp_path / "t")) == ["s1", "s2", "s10"]


def test_long_lists_of_names_are_cut() -> None:
    assert pairs._list("abc") == "a, b, c"
    assert pairs._list("abcde") == "a, b, c, d, e"
    assert pairs._list("abcdefg") == "a, b, c, d, e and 2 more"


def test_numbers_tell_frames_where_they_are_all_different() -> None:
    assert pairs._match(["a_1", "a_2"], ["1", "02"]) == {"a_1": "1", "a_2": "02"}
    assert pairs._match(["a", "b"], ["b", "c"]) == {"b": "b"}, "names that agree come first"
    assert pairs._match(["a_1"], ["1", "01"]) == {}
    assert pairs._match(["a_1", "b_1"], ["1"]) == {}
    assert pairs._match(["a_1"], ["1", "x"]) == {}
    assert pairs._match(["a_1", "a_3"], ["1", "2"]) == {"a_1": "1"}


def test_three_frames_have_one_to_score(tmp_path: Path) -> None:
    names = [f"bear/{i}.png" for i in range(3)]
    touch(tmp_path / "m", *names), touch(tmp_path / "t", *names)
    assert found(tmp_path / "m", tmp_path / "t", DAVIS) == {"bear": [("1.png", "1.png")]}
