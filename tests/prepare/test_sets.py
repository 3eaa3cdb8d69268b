"""DUTS, YouTube-VOS, YouTube-Objects and Long-Videos."""

from pathlib import Path

import numpy as np
import pytest
from archive_samples import (
    SMALL,
    YTVOS,
    converted,
    duts,
    longvideos,
    mask_at,
    names,
    save,
    scene,
    square,
    ytobj,
    ytvos,
    zipped,
)

from dpa.datasets.layout import find_sequences, find_stills
from dpa.errors import InputError


@pytest.mark.parametrize("packed", [False, True])
def test_duts(tmp_path: Path, packed: bool) -> None:
    source = duts(tmp_path / "source")
    if packed:
        for split in ("DUTS-TR", "DUTS-TE"):
            (tmp_path / split).mkdir()
            (source / split).rename(tmp_path / split / split)
            zipped(tmp_path / split, source / f"{split}.zip")
    assert converted("duts", source, tmp_path / "target") == ({"written": 3}, [])
    (first, mask), (second, _) = find_stills(tmp_path / "target" / "DUTS_train")
    assert (first.name, second.name) == ("ILSVRC2012_test_00000004.jpg", "sun_aaajuldidvlcyzhv.jpg")
    assert np.array_equal(mask_at(mask), square(0, (300, 400)))
    assert len(find_stills(tmp_path / "target" / "DUTS_test")) == 1


def test_duts_with_a_mask_missing_and_one_too_many(tmp_path: Path) -> None:
    source = duts(tmp_path / "source")
    masks = source / "DUTS-TR" / "DUTS-TR-Mask"
    (masks / "sun_aaajuldidvlcyzhv.png").rename(masks / "sun_b.png")
    counts, problems = converted("duts", source, tmp_path / "target")
    assert counts == {"written": 2, "failed": 2}
    assert "sun_aaajuldidvlcyzhv.jpg: no mask" in problems[0]
    assert "sun_b.png: no picture" in problems[1]
    assert len(find_stills(tmp_path / "target" / "DUTS_train")) == 1


def test_duts_half_of_it(tmp_path: Path) -> None:
    source = duts(tmp_path / "source") / "DUTS-TE"
    assert converted("duts", source, tmp_path / "target") == ({"written": 1}, [])
    assert names(tmp_path / "target") == ["DUTS_test"]


def test_ytvos(tmp_path: Path) -> None:
    source, target = ytvos(tmp_path / "source"), tmp_path / "target"
    assert converted("ytvos", source, target) == ({"written": 6}, [])
    second, first = find_sequences(target / "YTVOS_train", masks=True)
    assert (first.name, second.name) == ("003234408d", "0043f083b5")
    assert [path.name for path in second.images] == [f"0043f083b5_000{n}.jpg" for n in ("00", "05", "10")]
    assert np.array_equal(mask_at(second.masks[2]), square(10, YTVOS))


def test_ytvos_as_its_zip_with_all_frames_beside_it(tmp_path: Path) -> None:
    source = ytvos(tmp_path / "source", SMALL)
    for number in range(13):
        frames = source / "all" / "train_all_frames" / "JPEGImages" / "003234408d"
        save(frames / f"{number:05d}.jpg", scene(number, SMALL))
    (tmp_path / "packed" / "train").mkdir(parents=True)
    (source / "train").rename(tmp_path / "packed" / "train" / "train")
    zipped(tmp_path / "packed" / "train", source / "train.zip")
    assert converted("ytvos", source, tmp_path / "target") == ({"written": 6}, [])
    assert len(find_sequences(tmp_path / "target" / "YTVOS_train", masks=True)) == 2


def test_ytobj(tmp_path: Path) -> None:
    source, target = ytobj(tmp_path / "source"), tmp_path / "target"
    assert converted("ytobj", source, target) == ({"written": 22}, [])
    assert names(target / "YTobj_test") == ["aeroplane_0001_001", "prepare.json", "train_0003_012"]
    plane, _ = find_sequences(target / "YTobj_test")
    assert plane.images[0].name == "aeroplane_0001_001_00001.jpg"
    assert [index for index, mask in enumerate(plane.masks) if mask is not None] == [0, 10]
    # The masks are JPEGs: their edges blur by a pixel or two, nothing else.
    assert np.count_nonzero(mask_at(plane.masks[10]) != square(11, SMALL, 1)) < 20


def test_ytobj_with_masks_beside_frames_and_numbered_classes(tmp_path: Path) -> None:
    for kind, suffix in (("JPEGImages", ".jpg"), ("Annotations", ".png")):
        for number in (0, 10):
            made = scene(number, SMALL, 1) if suffix == ".jpg" else square(number, SMALL, 1)
            save(tmp_path / "source" / kind / "car_0009" / f"{number:05d}{suffix}", made)
    save(tmp_path / "source" / "boat" / "07" / "frames" / "f01.png", scene(1, SMALL))
    save(tmp_path / "source" / "boat" / "07" / "masks" / "f01.png", square(1, SMALL))
    assert converted("ytobj", tmp_path / "source", tmp_path / "target") == ({"written": 3}, [])
    assert [s.name for s in find_sequences(tmp_path / "target" / "YTobj_test", masks=True)] == [
        "boat_07",
        "car_0009",
    ]


def test_longvideos(tmp_path: Path) -> None:
    source, target = longvideos(tmp_path / "source"), tmp_path / "target"
    file = zipped(source, tmp_path / "long_videos.zip")
    assert converted("longvideos", file, target) == ({"written": 12}, [])
    boy, rat = find_sequences(target / "LongVideos_test")
    assert (boy.name, rat.name, len(rat.images)) == ("blueboy", "rat", 6)
    assert [index for index, mask in enumerate(rat.masks) if mask is not None] == [0, 4]
    assert np.array_equal(mask_at(rat.masks[4]), square(4, SMALL))


@pytest.mark.parametrize(
    ("dataset", "wanted"),
    [
        ("duts", "DUTS-TR-Image with DUTS-TR-Mask"),
        ("davis", "JPEGImages/480p with Annotations/480p"),
        ("ytvos", "train/JPEGImages/VIDEO"),
        ("fbms", "Trainingset or Testset"),
        ("ytobj", "aeroplane"),
        ("longvideos", "JPEGImages/VIDEO"),
        ("davsod", "Easy-35/VIDEO/Imgs with GT_object_level"),
        ("visal", "VIDEO/ with a folder of frames"),
        ("segtrack-v2", "JPEGImages/VIDEO"),
        ("moca", "JPEGImages/VIDEO with pictures and Annotations/annotations.csv"),
        ("folder", "images, RGB"),
    ],
)
def test_another_structure(tmp_path: Path, dataset: str, wanted: str) -> None:
    save(tmp_path / "source" / "pictures" / "a.jpg", scene(0, SMALL))
    (tmp_path / "source" / "trainval.tar.gz").touch()
    with pytest.raises(InputError, match=wanted) as caught:
        converted(dataset, tmp_path / "source", tmp_path / "target")
    assert "unpack trainval.tar.gz first" in str(caught.value)
    assert not (tmp_path / "target").exists()
