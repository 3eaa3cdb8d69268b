"""What all data sets have in common: resuming, damage, what must not be mixed."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from archive_samples import SMALL, converted, davis2017, duts, mask_at, names, save, scene, square, zipped
from PIL import Image

from dpa.errors import InputError, OutputError
from dpa.prepare import write as writing
from dpa.prepare.archive import Member
from dpa.prepare.plan import CONVERTERS, plan, write
from dpa.prepare.records import Options, frame_names, match, number


def tree(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its content and the time it was written."""
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_again_changes_nothing(tmp_path: Path) -> None:
    source, target = davis2017(tmp_path / "source"), tmp_path / "target"
    converted("davis", source, target)
    before = tree(target)
    assert converted("davis", source, target) == ({"kept": 4}, [])
    assert tree(target) == before


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source, target = davis2017(tmp_path / "source"), tmp_path / "target"
    steps = write(plan("davis", source, target))
    assert next(steps).state == "written"
    steps.close()
    assert len(list(target.rglob("*.jpg"))) == 1
    assert converted("davis", source, target)[0] == {"kept": 1, "written": 3}
    (target / "DAVIS_train" / "GT" / "bear_00001.png").unlink()
    assert converted("davis", source, target)[0] == {"kept": 3, "written": 1}
    assert not list(target.rglob(".*"))


@pytest.mark.slow
def test_processes_write_what_one_does(tmp_path: Path) -> None:
    source = duts(tmp_path / "source")
    for processes in (1, 2):
        results = list(write(plan("duts", source, tmp_path / str(processes)), processes))
        assert [result.state for result in results] == ["written"] * 3
    one, two = ({k: v[0] for k, v in tree(tmp_path / name).items()} for name in "12")
    assert one == two


def test_frames_that_cannot_be_read_are_named_and_the_rest_is_written(tmp_path: Path) -> None:
    source, target = davis2017(tmp_path / "source"), tmp_path / "target"
    images = source / "DAVIS" / "JPEGImages" / "480p"
    cut = images / "bear" / "00000.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    masks = source / "DAVIS" / "Annotations" / "480p"
    (masks / "dance-twirl" / "00001.png").write_text("no picture")
    counts, problems = converted("davis", source, target)
    assert counts == {"written": 2, "failed": 2}
    assert all(str(path) in " ".join(problems) for path in (cut, masks / "dance-twirl" / "00001.png"))
    assert names(target / "DAVIS_train" / "RGB") == ["bear_00001.jpg"]
    assert names(target / "DAVIS_test" / "dance-twirl" / "RGB") == ["dance-twirl_00000.jpg"]
    save(cut, scene(0, SMALL))
    assert converted("davis", source, target)[0] == {"written": 1, "kept": 2, "failed": 1}


def test_a_zip_whose_folders_have_no_entries_of_their_own(tmp_path: Path) -> None:
    source = duts(tmp_path / "source")
    with zipfile.ZipFile(tmp_path / "duts.zip", "w") as archive:
        for path in source.rglob("*.*"):
            archive.write(path, Path("downloads") / path.relative_to(source))
    assert converted("duts", tmp_path / "duts.zip", tmp_path / "target") == ({"written": 3}, [])


def test_a_damaged_member_of_a_zip(tmp_path: Path) -> None:
    file = zipped(davis2017(tmp_path / "source"), tmp_path / "davis.zip")
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("DAVIS/JPEGImages/480p/bear/00001.jpg")
    data = bytearray(file.read_bytes())
    data[info.header_offset + 200] ^= 255
    file.write_bytes(data)
    counts, problems = converted("davis", file, tmp_path / "target")
    assert counts == {"written": 3, "failed": 1}
    assert f"{file}/DAVIS/JPEGImages/480p/bear/00001.jpg: cannot be read" in problems[0]


def test_mask_of_another_size(tmp_path: Path) -> None:
    source = duts(tmp_path / "source")
    save(source / "DUTS-TE" / "DUTS-TE-Mask" / "ILSVRC2012_test_00000003.png", square(0, SMALL))
    counts, problems = converted("duts", source, tmp_path / "target")
    assert counts == {"written": 2, "failed": 1}
    assert problems[0].endswith("mask and picture differ in size: 80x60 and 400x300")


def test_grey_cmyk_and_turned_pictures(tmp_path: Path) -> None:
    """A JPEG is copied if every reader shows it as it is; masks are of the picture as it is shown."""
    images, masks = tmp_path / "source" / "images", tmp_path / "source" / "masks"
    grey = save(images / "grey.jpg", scene(0, SMALL)[..., 0])
    Image.fromarray(scene(0, SMALL)).convert("CMYK").save(images / "cmyk.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene(0, SMALL)).save(images / "turned.jpg", exif=exif)
    for name, size in (("grey", SMALL), ("cmyk", SMALL), ("turned", SMALL[::-1])):
        save(masks / f"{name}.png", square(0, size))
    target = tmp_path / "target"
    assert converted("folder", tmp_path / "source", target) == ({"written": 3}, [])
    assert (target / "RGB" / "grey.jpg").read_bytes() == grey.read_bytes()
    with Image.open(target / "RGB" / "cmyk.jpg") as picture:
        assert picture.mode == "RGB"
    assert mask_at(target / "GT" / "turned.png").shape == (80, 60)


def test_a_full_disk_stops_the_run_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OutputError(f"{path}: the disk is full; free some space and run again")

    monkeypatch.setattr(writing, "write_whole", full)
    with pytest.raises(OutputError, match="disk is full"):
        converted("duts", duts(tmp_path / "source"), tmp_path / "target")
    assert not list((tmp_path / "target").rglob("*.jpg"))


def test_what_was_prepared_otherwise_is_not_mixed(tmp_path: Path) -> None:
    source, target = davis2017(tmp_path / "source"), tmp_path / "target"
    converted("davis", source, target)
    record = target / "DAVIS_train" / "prepare.json"
    assert json.loads(record.read_text()) == {"dataset": "davis", "part": "DAVIS_train"}
    record.write_text(json.dumps({"dataset": "davis", "part": "DAVIS_train", "year": 2017}))
    with pytest.raises(OutputError, match=r"the data there are others \(year: 2017 there, None now\)"):
        converted("davis", source, target)
    record.unlink()
    with pytest.raises(OutputError, match=r"no .*prepare\.json"):
        converted("davis", source, target)


@pytest.mark.parametrize("dataset", sorted(CONVERTERS))
def test_options_of_other_data_sets_are_refused(tmp_path: Path, dataset: str) -> None:
    values = {"year": 2016, "frames": "all", "images": "a", "masks": "b", "threshold": 3}
    for name in values.keys() - CONVERTERS[dataset].options:
        with pytest.raises(InputError, match=f"--{name} has no meaning for {dataset}"):
            plan(dataset, tmp_path, tmp_path / "out", Options(**{name: values[name]}))


def test_unknown_data_set_and_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data set 'imagenet': choose one of duts, davis"):
        plan("imagenet", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="gone: no such folder or zip archive"):
        plan("davis", tmp_path / "gone", tmp_path / "out")
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"half\.zip: not a whole zip archive"):
        plan("davis", tmp_path / "half.zip", tmp_path / "out")


def test_a_zip_with_names_that_are_no_text(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("\u00e9.png", b"")
    data = (tmp_path / "odd.zip").read_bytes()
    (tmp_path / "odd.zip").write_bytes(data.replace("\u00e9".encode(), b"\xff\xff"))
    with pytest.raises(InputError, match=r"odd\.zip: not a whole zip archive"):
        plan("davis", tmp_path / "odd.zip", tmp_path / "out")


def test_names_of_frames() -> None:
    def named(*stems: str) -> list[str]:
        return frame_names("a_1", [Member(f"{stem}.jpg") for stem in stems])

    assert named("00000", "00005") == ["a_1_00000", "a_1_00005"]
    assert named("a_1_0007", "a_1_0123456") == ["a_1_00007", "a_1_123456"]
    assert named("first", "second") == ["a_1_00000", "a_1_00001"]
    assert named("x_1_a", "x_01_b") == ["a_1_00000", "a_1_00001"]
    assert (number("bear_0007_gt"), number("bear")) == (7, None)


def test_masks_find_their_pictures() -> None:
    images = [Member(f"cars_{n:03d}.jpg") for n in (1, 2, 10)]
    masks = [Member(f"{stem}.png") for stem in ("cars_001", "10_gt", "cars_003", "cars_2", "extra")]
    pairs, orphans = match(images, masks)
    assert {image.stem: mask.stem for image, mask in pairs.items()} == {
        "cars_001": "cars_001",
        "cars_010": "10_gt",
        "cars_002": "cars_2",
    }
    assert [mask.stem for mask in orphans] == ["cars_003", "extra"]


def test_pictures_without_numbers_do_not_take_any_mask() -> None:
    pairs, orphans = match([Member("first.jpg")], [Member("mask.png")])
    assert (pairs, len(orphans)) == ({}, 1)


def test_what_macos_and_this_run_add_is_passed_over(tmp_path: Path) -> None:
    source = duts(tmp_path / "source")
    folder = "DUTS-TE/DUTS-TE-Image"
    (source / folder / "._ILSVRC2012_test_00000003.jpg").write_text("resource fork")
    save(source / "__MACOSX" / folder / "x.jpg", scene(0, SMALL))
    (source / "again").symlink_to(source, target_is_directory=True)
    target = source / "prepared"
    assert converted("duts", source, target) == ({"written": 3}, [])
    assert converted("duts", source, target) == ({"kept": 3}, [])
    assert np.array_equal(
        mask_at(target / "DUTS_test" / "GT" / "ILSVRC2012_test_00000003.png"), square(0, (300, 400))
    )
