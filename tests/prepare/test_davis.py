from pathlib import Path

import numpy as np
import pytest
from archive_samples import (
    DAVIS,
    SMALL,
    converted,
    davis2016,
    davis2017,
    mask_at,
    names,
    save_labels,
    square,
    two_objects,
    zipped,
)

from dpa.datasets.layout import find_sequences
from dpa.errors import InputError


def test_2016_as_it_is_unpacked(tmp_path: Path) -> None:
    source, target = davis2016(tmp_path / "source"), tmp_path / "target"
    counts, problems = converted("davis", source, target)
    assert (counts, problems) == ({"written": 7}, [])
    bear, car = find_sequences(target / "DAVIS_train", masks=True)
    assert ([bear.name, car.name], len(bear.images), len(car.images)) == (["bear", "car-turn"], 3, 2)
    assert bear.images[1] == target / "DAVIS_train" / "RGB" / "bear_00001.jpg"
    assert car.masks[1] == target / "DAVIS_train" / "GT" / "car-turn_00001.png"
    (dance,) = find_sequences(target / "DAVIS_test", masks=True)
    assert dance.images[0] == target / "DAVIS_test" / "dance-twirl" / "RGB" / "dance-twirl_00000.jpg"
    original = source / "DAVIS" / "JPEGImages" / "480p" / "bear" / "00001.jpg"
    assert bear.images[1].read_bytes() == original.read_bytes()
    assert np.array_equal(mask_at(car.masks[1]), square(1, DAVIS))


def test_zip_gives_what_the_unpacked_gives(tmp_path: Path) -> None:
    source = davis2016(tmp_path / "source", SMALL)
    (tmp_path / "zip").mkdir()
    file = zipped(source, tmp_path / "zip" / "DAVIS-data.zip")
    trees = []
    for place in (source, file, tmp_path / "zip"):
        target = tmp_path / f"target{len(trees)}"
        assert converted("davis", place, target)[0] == {"written": 7}
        files = [path for path in sorted(target.rglob("*")) if path.is_file()]
        trees.append({str(path.relative_to(target)): path.read_bytes() for path in files})
    assert trees[0] == trees[1] == trees[2]
    assert names(tmp_path / "zip") == ["DAVIS-data.zip"]


@pytest.mark.parametrize(
    ("year", "train", "test"),
    [
        (None, ("DAVIS_train", ["bear"]), ("DAVIS_test", ["dance-twirl"])),
        (
            2017,
            ("DAVIS2017_train", ["bear", "dogs-jump"]),
            ("DAVIS2017_test", ["bike-packing", "dance-twirl"]),
        ),
    ],
)
def test_2017_merges_objects_and_has_the_lists_of_both_years(
    tmp_path: Path, year: int | None, train: tuple, test: tuple
) -> None:
    source, target = davis2017(tmp_path / "source"), tmp_path / "target"
    converted("davis", source, target, year=year)
    assert names(target) == sorted([train[0], test[0]])
    for name, sequences in (train, test):
        found = find_sequences(target / name, masks=True)
        assert [sequence.name for sequence in found] == sequences
        assert np.array_equal(mask_at(found[0].masks[1]), square(1, SMALL))


def test_2016_comes_from_its_own_archive_where_both_are_there(tmp_path: Path) -> None:
    davis2017(tmp_path / "source" / "2017")
    davis2016(tmp_path / "source" / "data", (64, 96))
    converted("davis", tmp_path / "source", tmp_path / "target")
    assert mask_at(tmp_path / "target" / "DAVIS_train" / "GT" / "bear_00000.png").shape == (64, 96)


def test_what_the_unsupervised_annotations_mark_as_void_is_no_object(tmp_path: Path) -> None:
    source = davis2017(tmp_path / "source", masks="Annotations_unsupervised")
    labels = two_objects(0, SMALL)
    labels[-5:] = 255
    annotations = source / "DAVIS" / "Annotations_unsupervised" / "480p"
    save_labels(annotations / "bear" / "00000.png", labels)
    converted("davis", source, tmp_path / "target", year=2017)
    written = mask_at(tmp_path / "target" / "DAVIS2017_train" / "GT" / "bear_00000.png")
    assert np.array_equal(written, square(0, SMALL))


def test_a_frame_without_its_annotation_is_named(tmp_path: Path) -> None:
    source = davis2017(tmp_path / "source")
    (source / "DAVIS" / "Annotations" / "480p" / "bear" / "00001.png").unlink()
    counts, problems = converted("davis", source, tmp_path / "target")
    assert counts == {"written": 3, "failed": 1}
    assert "bear/00001.jpg: no mask" in problems[0]
    assert names(tmp_path / "target" / "DAVIS_train" / "RGB") == ["bear_00000.jpg"]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (
            "ImageSets",
            r"Annotations/480p and ImageSets/480p/train\.txt or ImageSets/2016/train\.txt",
        ),
        ("JPEGImages", "JPEGImages/480p with Annotations/480p"),
        ("ImageSets/480p/val.txt", r"ImageSets/480p/val\.txt is not there"),
        ("JPEGImages/480p/car-turn", r"train\.txt lists car-turn"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, gone: str, message: str) -> None:
    source = davis2016(tmp_path / "source", SMALL)
    (source / "DAVIS" / gone).rename(tmp_path / "gone")
    with pytest.raises(InputError, match=message):
        converted("davis", source, tmp_path / "target")
    assert not (tmp_path / "target").exists()
