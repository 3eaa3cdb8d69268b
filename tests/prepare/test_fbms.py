from pathlib import Path

import numpy as np
import pytest
from archive_samples import FBMS, converted, mask_at, names, save, scene, square, zipped
from fbms_samples import BLACK, WHITE, fbms, regions

from dpa.datasets.layout import find_sequences
from dpa.errors import InputError
from dpa.prepare.fbms_list import Listed, parse


def test_train_has_annotated_frames_and_test_all_frames(tmp_path: Path) -> None:
    source, target = fbms(tmp_path / "source"), tmp_path / "target"
    counts, problems = converted("fbms", source, target)
    assert (counts, problems) == ({"written": 7}, [])
    two, ten = find_sequences(target / "FBMS_train", masks=True)
    assert (two.name, [path.name for path in two.images]) == ("cars2", ["cars2_00001.jpg", "cars2_00005.jpg"])
    assert (ten.name, len(ten.images)) == ("cars_10", 1)
    (marple,) = find_sequences(target / "FBMS_test")
    assert (marple.name, len(marple.images)) == ("marple2", 4)
    assert [mask is not None for mask in marple.masks] == [True, False, False, True]
    for number, mask in ((1, two.masks[0]), (5, two.masks[1]), (1, ten.masks[0]), (4, marple.masks[3])):
        assert mask is not None
        assert np.array_equal(mask_at(mask), square(number, FBMS))


def test_only_annotated_frames_where_that_is_asked_for(tmp_path: Path) -> None:
    source = fbms(tmp_path / "source")
    converted("fbms", source, tmp_path / "target", frames="annotated")
    (marple,) = find_sequences(tmp_path / "target" / "FBMS_test", masks=True)
    assert [path.name for path in marple.images] == ["marple2_00001.jpg", "marple2_00004.jpg"]


def test_two_zip_archives(tmp_path: Path) -> None:
    source = fbms(tmp_path / "source")
    (tmp_path / "zips").mkdir()
    for split in ("Trainingset", "Testset"):
        (tmp_path / split).mkdir()
        (source / split).rename(tmp_path / split / split)
        zipped(tmp_path / split, tmp_path / "zips" / f"FBMS_{split}.zip")
    assert converted("fbms", tmp_path / "zips", tmp_path / "target") == ({"written": 7}, [])


def test_the_test_set_alone_and_frames_that_are_ppm(tmp_path: Path) -> None:
    source = fbms(tmp_path / "source") / "Testset"
    for path in (source / "marple2").glob("*.jpg"):
        save(path.with_suffix(".ppm"), scene(int(path.stem[-2:]), FBMS))
        path.unlink()
    converted("fbms", source.parent, tmp_path / "one")
    (source.parent / "Trainingset").rename(tmp_path / "away")
    assert converted("fbms", source.parent, tmp_path / "target") == ({"written": 4}, [])
    assert names(tmp_path / "target") == ["FBMS_test"]
    written = tmp_path / "target" / "FBMS_test" / "marple2" / "RGB" / "marple2_00002.jpg"
    assert written.read_bytes()[:2] == b"\xff\xd8"


def test_annotations_beside_the_frames(tmp_path: Path) -> None:
    """The older BMS-26 has them there, with the names of the frames."""
    folder = tmp_path / "source" / "Testset" / "people1"
    for number in (1, 2):
        save(folder / f"people1_{number:02d}.ppm", scene(number, FBMS))
    save(folder / "people1_01.pgm", square(1, FBMS).astype(np.uint8) * 120)
    assert converted("fbms", tmp_path / "source", tmp_path / "target") == ({"written": 2}, [])
    (people,) = find_sequences(tmp_path / "target" / "FBMS_test")
    assert people.masks[0] is not None
    assert people.masks[1] is None


def test_the_list_decides_where_names_do_not_tell(tmp_path: Path) -> None:
    folder = fbms(tmp_path / "source") / "Testset" / "marple2"
    truth = folder / "GroundTruth"
    (truth / "marple2_04_gt.ppm").rename(truth / "last.ppm")
    save(truth / "marple2_01_gt.pgm", np.zeros(FBMS, np.uint8))  # the listed one is the .ppm
    listed = (truth / "marple2Def.dat").read_text()
    (truth / "marple2Def.dat").write_text(listed.replace("marple2_04_gt.ppm", "last.ppm"))
    assert converted("fbms", tmp_path / "source", tmp_path / "target")[1] == []
    (marple,) = find_sequences(tmp_path / "target" / "FBMS_test")
    for number in (1, 4):
        assert np.array_equal(mask_at(marple.masks[number - 1]), square(number, FBMS))


def test_without_lists_names_and_numbers_tell(tmp_path: Path) -> None:
    source = fbms(tmp_path / "source")
    for path in source.rglob("*.dat"):
        path.unlink()
    assert converted("fbms", source, tmp_path / "target") == ({"written": 7}, [])
    assert (tmp_path / "target" / "FBMS_test" / "marple2" / "GT" / "marple2_00004.png").is_file()


def test_what_is_listed_and_not_there_is_named(tmp_path: Path) -> None:
    source = fbms(tmp_path / "source")
    (source / "Testset" / "marple2" / "GroundTruth" / "marple2_04_gt.ppm").unlink()
    counts, problems = converted("fbms", source, tmp_path / "target")
    assert counts == {"written": 7, "failed": 1}
    assert "marple2Def.dat: lists marple2_04_gt.ppm" in problems[0]


@pytest.mark.parametrize("background", [WHITE, BLACK])
def test_the_background_is_what_the_edges_have(tmp_path: Path, background: tuple[int, int, int]) -> None:
    """An object of the other extreme fills the bottom of one frame; the edges of both frames decide."""
    folder = tmp_path / "source" / "Testset" / "dogs01"
    other = BLACK if background == WHITE else WHITE
    for number in (1, 2):
        save(folder / f"dogs01_{number:02d}.jpg", scene(number, FBMS))
        picture = regions(number, background)
        if number == 2:
            picture[-100:] = other
        save(folder / "GroundTruth" / f"dogs01_{number:02d}_gt.ppm", picture)
    converted("fbms", tmp_path / "source", tmp_path / "target")
    expected = square(2, FBMS)
    expected[-100:] = True
    written = tmp_path / "target" / "FBMS_test" / "dogs01" / "GT" / "dogs01_00002.png"
    assert np.array_equal(mask_at(written), expected)


def test_regions_without_a_background(tmp_path: Path) -> None:
    source = fbms(tmp_path / "source")
    for path in (source / "Testset").rglob("*_gt.ppm"):
        save(path, np.full((*FBMS, 3), 77, np.uint8))
    counts, problems = converted("fbms", source, tmp_path / "target")
    assert (counts["failed"], counts["written"]) == (2, 5)
    assert "no black or white edge" in problems[0]


def test_nothing_of_the_kind(tmp_path: Path) -> None:
    (tmp_path / "source" / "Testset" / "empty").mkdir(parents=True)
    with pytest.raises(InputError, match="Trainingset or Testset with SEQUENCE/GroundTruth"):
        converted("fbms", tmp_path / "source", tmp_path / "target")


def test_lists_with_values_on_the_line_of_their_title() -> None:
    text = (
        "Regions: 2\nFrame Number: 19\nFile name: GroundTruth\\a_20.pgm\n\nFrame number: 39\nfilename: b.pgm"
    )
    assert parse(text) == [Listed("a_20.pgm", None, 19), Listed("b.pgm", None, 39)]
    assert parse("nothing of the kind\n3 4 5") == []
