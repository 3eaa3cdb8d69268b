"""DAVSOD, ViSal, SegTrack v2 and MoCA."""

from pathlib import Path

import numpy as np
import pytest
from archive_samples import SMALL, converted, mask_at, names, save, scene, square, zipped

from dpa.datasets.layout import find_sequences
from dpa.errors import InputError


def video(root: Path, images: str, masks: str, annotated: tuple[int, ...] = (0, 1, 2)) -> None:
    for i in range(3):
        save(root / images / f"{i:04d}.jpg", scene(i, SMALL))
        if i in annotated:
            save(root / masks / f"{i:04d}.png", square(i, SMALL).astype(np.uint8) * 255)


def test_davsod(tmp_path: Path) -> None:
    for part in ("Easy-35", "Difficult-20", "Training Set"):
        for name in ("0001", "0002"):
            video(tmp_path / "DAVSOD" / part / name, "Imgs", "GT_object_level")
    packed = zipped(tmp_path / "DAVSOD", tmp_path / "DAVSOD.zip")
    assert converted("davsod", packed, tmp_path / "target") == ({"written": 18}, [])
    assert names(tmp_path / "target") == ["DAVSOD_difficult", "DAVSOD_easy", "DAVSOD_train"]
    first, _ = find_sequences(tmp_path / "target" / "DAVSOD_easy", masks=True)
    assert (first.name, first.images[2].name) == ("0001", "0001_00002.jpg")
    assert np.array_equal(mask_at(first.masks[2]), square(2, SMALL))


def test_davsod_as_it_is_downloaded(tmp_path: Path) -> None:
    """Five zips; the part is in the zip's name, whether its folder repeats it or not."""
    (tmp_path / "zips").mkdir()
    for part in ("DAVSOD-TrainingSet", "Normal-25"):
        video(tmp_path / part / "select_0001", "Imgs", "GT_object_level")
        zipped(tmp_path / part, tmp_path / "zips" / f"{part}.zip")
    assert converted("davsod", tmp_path / "zips", tmp_path / "target") == ({"written": 6}, [])
    assert names(tmp_path / "target") == ["DAVSOD_normal", "DAVSOD_train"]
    alone = zipped(tmp_path / "Normal-25", tmp_path / "DAVSOD-ValidationSet.zip")
    assert converted("davsod", alone, tmp_path / "other") == ({"written": 3}, [])
    assert names(tmp_path / "other") == ["DAVSOD_validation"]


@pytest.mark.parametrize(
    ("images", "masks"), [("car/Imgs", "car/GT"), ("car", "GT/car"), ("car/frames", "car/ground-truth")]
)
def test_visal(tmp_path: Path, images: str, masks: str) -> None:
    video(tmp_path / "ViSal" / "ViSal", images, masks, annotated=(1,))
    assert converted("visal", tmp_path / "ViSal", tmp_path / "target") == ({"written": 3}, [])
    (car,) = find_sequences(tmp_path / "target" / "ViSal_test")
    assert [mask is not None for mask in car.masks] == [False, True, False]


def test_segtrack_merges_the_objects(tmp_path: Path) -> None:
    root = tmp_path / "SegTrackv2"
    video(root, "JPEGImages/bird", "GroundTruth/bird")
    video(root, "JPEGImages/cheetah", "GroundTruth/cheetah/1")
    for i in range(3):
        save(root / "GroundTruth" / "cheetah" / "2" / f"{i:04d}.png", np.roll(square(i, SMALL), 15, axis=0))
    assert converted("segtrack-v2", tmp_path, tmp_path / "target") == ({"written": 6}, [])
    bird, cheetah = find_sequences(tmp_path / "target" / "SegTrackV2_test", masks=True)
    assert np.array_equal(mask_at(bird.masks[1]), square(1, SMALL))
    assert np.array_equal(mask_at(cheetah.masks[1]), square(1, SMALL) | np.roll(square(1, SMALL), 15, axis=0))


def moca(root: Path, rows: str) -> Path:
    for name in ("crab", "moth"):
        for i in range(3):
            save(root / "JPEGImages" / name / f"{i:05d}.jpg", scene(i, SMALL))
    (root / "Annotations").mkdir()
    (root / "Annotations" / "annotations.csv").write_text(",file_list,spatial_coordinates,metadata\n" + rows)
    return root


def test_moca(tmp_path: Path) -> None:
    rows = (
        '1_a,/crab/00000.jpg,"[2, 10.2, 20, 30, 15.4]","{""1"":""1""}"\n'
        '1_b,/crab/00001.jpg,[],{}\n1_c,/crab/00002.jpg,"[2, -5, 50, 20, 30]",{}\n'
    )
    assert converted("moca", moca(tmp_path / "MoCA", rows), tmp_path / "target") == ({"written": 3}, [])
    (crab,) = find_sequences(tmp_path / "target" / "MoCA_test")  # moth has no boxes
    assert crab.masks[1] is None
    first, last = mask_at(crab.masks[0]), mask_at(crab.masks[2])
    assert np.array_equal(np.argwhere(first)[[0, -1]], [[20, 10], [34, 39]])
    assert np.array_equal(np.argwhere(last)[[0, -1]], [[50, 0], [59, 14]])
    assert converted("moca", tmp_path / "MoCA", tmp_path / "target") == ({"kept": 3}, [])


def test_moca_whose_table_is_of_other_videos(tmp_path: Path) -> None:
    root = moca(tmp_path / "MoCA", '1_a,/wolf/00000.jpg,"[2, 1, 2, 3, 4]",{}\n')
    with pytest.raises(InputError, match=r"annotations\.csv: no boxes of the videos in"):
        converted("moca", root, tmp_path / "target")
