"""Pictures as a source: which ones, in which order, how held."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from video_samples import close_to, corners, make_folder, make_video, picture

from dpa.errors import InputError
from dpa.video import open_source
from dpa.video.images import read_image
from dpa.video.listing import natural_key


def names(source) -> list[str]:
    return [frame.name for frame in source.frames()]


def test_folder_in_natural_order(tmp_path):
    folder = make_folder(tmp_path / "seq", ["f10.png", "f2.png", "f1.png", "F3.png"])
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"not a picture")
    (folder / "Thumbs.db").write_bytes(b"not a picture")
    (folder / "deeper").mkdir()
    with open_source(folder) as source:
        assert (source.kind, source.count, source.name, source.size) == ("folder", 4, "seq", (48, 64))
        assert names(source) == ["f1", "f2", "F3", "f10"]
        assert [source.frame_name(i) for i in range(4)] == ["f1", "f2", "F3", "f10"]
        frames = list(source.frames(2))
        assert [(frame.index, frame.time) for frame in frames] == [(2, None), (3, None)]
        assert np.array_equal(frames[1].image, picture(0))
        pairs = list(source.pairs_at([3, 0]))
    assert [(a.index, b and b.index) for a, b in pairs] == [(3, None), (0, 1)]


@given(st.lists(st.integers(0, 10**9), unique=True, min_size=1))
def test_natural_order_is_the_order_of_numbers(numbers):
    paths = [Path(f"frame{number}.png") for number in numbers]
    assert sorted(paths, key=natural_key) == [Path(f"frame{number}.png") for number in sorted(numbers)]


def test_a_rate_gives_pictures_their_times(tmp_path):
    folder = make_folder(tmp_path / "seq", ["0.png", "1.png", "2.png"])
    with open_source(folder, rate=Fraction(24000, 1001)) as source:
        assert [frame.time for frame in source.frames()] == [i * Fraction(1001, 24000) for i in range(3)]


def test_sequence_folder_of_a_data_set(tmp_path):
    make_folder(tmp_path / "bear" / "RGB", ["bear_00000.jpg", "bear_00001.jpg"])
    for place in (tmp_path / "bear", tmp_path / "bear" / "RGB"):
        with open_source(place) as source:
            assert (source.name, names(source)) == ("bear", ["bear_00000", "bear_00001"])


def test_glob_list_and_single_picture(tmp_path):
    folder = make_folder(tmp_path / "all", ["a1.png", "a10.png", "a9.png", "b1.png"])
    with open_source(str(folder / "a*.png")) as source:
        assert names(source) == ["a1", "a9", "a10"]
    with open_source([folder / "b1.png", str(folder / "a1.png")]) as source:
        assert names(source) == ["b1", "a1"]
    with open_source(folder / "b1.png") as source:
        assert (source.kind, source.count, source.name) == ("image", 1, "b1")


def test_listed_pictures_of_one_name_are_named_by_index(tmp_path):
    paths = [make_folder(tmp_path / name, ["0.png"]) / "0.png" for name in "ab"]
    with open_source(paths) as source:
        assert [source.frame_name(i) for i in range(2)] == ["00000", "00001"]
        assert names(source) == [None, None]


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_exif_orientation(tmp_path, tag, suffix):
    # What the stored picture must be for the upright one to be `corners`, by the EXIF standard's table.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: np.rot90(a, 2),
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[tag](corners())
    path = tmp_path / f"held.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    with open_source(path) as source:
        assert source.size == (48, 64)
        assert close_to(next(source.frames()).image, corners(), 6)


def test_all_kinds_of_pictures_become_rgb(tmp_path):
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None] * 4, 48, axis=0)
    grey = np.repeat(ramp[:, :, None], 3, axis=2)
    images = {
        "grey.png": Image.fromarray(ramp),
        "deep.png": Image.fromarray(ramp.astype(np.uint16) * 257),
        "palette.png": Image.fromarray(ramp).convert("P"),
        "alpha.png": Image.fromarray(np.dstack([grey, ramp])),
        "grey-alpha.png": Image.fromarray(ramp).convert("LA"),
        "bits.png": Image.fromarray(ramp > 127),
        "cmyk.jpg": Image.fromarray(grey).convert("CMYK"),
    }
    for name, image in images.items():
        image.save(tmp_path / name)
        got = read_image(tmp_path / name)
        assert (got.dtype, got.shape) == (np.uint8, (48, 64, 3))
        expected = (grey > 127) * np.uint8(255) if name == "bits.png" else grey
        assert close_to(got, expected, 2), name
        assert open_source(tmp_path / name).size == (48, 64)


def test_palette_with_transparency_keeps_its_colours_without_a_warning(tmp_path):
    image = Image.fromarray(corners()).quantize(4)
    image.save(tmp_path / "cut.png", transparency=bytes([0, 128, 255, 255]))
    assert close_to(read_image(tmp_path / "cut.png"), corners(), 4)


def bad_inputs(folder: Path) -> dict[str, tuple[object, str]]:
    """What is wrong with each, and the words that the sentence must have."""
    (folder / "empty").mkdir()
    (folder / "text.mp4").write_text("this is no video\n" * 50)
    (folder / "notes.txt").write_text("this is no video\n" * 50)
    (folder / "nothing.mp4").touch()
    (folder / "text.png").write_text("this is no picture")
    sizes = make_folder(folder / "sizes", ["a1.png", "a2.png", "a10.png"])
    Image.fromarray(picture(0, (48, 66))).save(sizes / "a2.png")
    twins = make_folder(folder / "twins", ["a.png", "a.jpg"])
    mixed = make_folder(folder / "mixed", ["a.png"])
    (mixed / "b.png").write_text("this is no picture")
    make_video(folder / "videos.mp4", 2)
    (folder / "clips").mkdir()
    shutil.copy(folder / "videos.mp4", folder / "clips" / "one.mp4")
    return {
        "missing": (folder / "gone.mp4", "gone.mp4 does not exist"),
        "empty folder": (folder / "empty", "empty has no pictures"),
        "folder of videos": (folder / "clips", "give one of its videos, such as .*one.mp4"),
        "text as video": (folder / "text.mp4", "text.mp4 is not a video"),
        "text file": (folder / "notes.txt", "notes.txt is a text file"),
        "no bytes": (folder / "nothing.mp4", "nothing.mp4 is not a video"),
        "text as picture": (folder / "text.png", "text.png is not a picture"),
        "sizes": (sizes, r"a2.png is 66x48 but a1.png is 64x48"),
        "twins": (twins, "both give a mask named a"),
        "broken picture": (mixed, "b.png is not a picture"),
        "glob": (str(folder / "*.tiff"), "matches no picture"),
        "list": ([], "list of pictures is empty"),
        "missing in a list": ([folder / "gone.png"], "gone.png does not exist"),
    }


def test_bad_inputs_are_named_in_one_sentence(tmp_path):
    for what, (source, words) in bad_inputs(tmp_path).items():
        with pytest.raises(InputError, match=words) as caught:
            open_source(source)
        assert "\n" not in str(caught.value), what


def test_a_damaged_picture_is_named(tmp_path):
    path = tmp_path / "torn.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with open_source(path) as source, pytest.raises(InputError, match=r"torn\.jpg is damaged"):
        next(source.frames())


def test_floating_point_pictures_are_refused(tmp_path):
    Image.fromarray(np.zeros((8, 8), np.float32)).save(tmp_path / "depth.tif")
    with pytest.raises(InputError, match=r"depth\.tif holds floating-point values"):
        read_image(tmp_path / "depth.tif")
