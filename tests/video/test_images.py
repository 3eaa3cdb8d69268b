"""Pictures and animations: what is read of a file, and what it says that it is."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_samples import SIZE, make_folder, make_video, picture

from dpa.errors import InputError, TruncatedError
from dpa.video import animation, images, open_source
from dpa.video.animation import is_animation, is_still
from dpa.video.images import pixels, read_image
from dpa.video.listing import by_stem, is_listed, list_pictures, natural_key
from dpa.video.write.animation import _palette_frame


def test_sixteen_bits_become_eight_whatever_pillow_gives() -> None:
    levels = np.array([[0, 255, 256, 511, 32768, 65535]])
    for mode, dtype in (("I", np.int32), ("I;16", np.uint16)):
        colours, alpha = pixels(Image.fromarray(levels.astype(dtype)), Path("a.png"))
        assert colours[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255], mode
        assert (colours == colours[:, :, :1]).all()
        assert alpha is None
    beyond, _ = pixels(Image.fromarray(np.array([[-5, -70000, 70000, 65536]], np.int32)), Path("a.png"))
    assert beyond[0, :, 0].tolist() == [0, 0, 255, 255]


def test_transparency_of_pictures(tmp_path: Path) -> None:
    both = np.dstack([picture(0), np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)])
    colours, alpha = pixels(Image.fromarray(both), tmp_path)
    assert alpha is not None
    assert np.array_equal(np.dstack([colours, alpha]), both)
    assert colours.flags["OWNDATA"]
    assert alpha.flags["OWNDATA"]
    assert pixels(Image.fromarray(picture(0)), tmp_path)[1] is None


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_the_size_that_is_shown_is_known_without_decoding(tmp_path: Path, tag: int, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(picture(0)).save(tmp_path / name, exif=exif)
    assert images._shown_size(tmp_path / name) == read_image(tmp_path / name).shape[:2]


def test_names_of_pictures(tmp_path: Path) -> None:
    paths = [Path("a/1.png"), Path("b/1.png"), Path("b/2.png")]
    assert images._stems_differ(paths[1:], unique=True)
    assert not images._stems_differ(paths, unique=False)
    with pytest.raises(InputError, match=r"a/1\.png and 1\.png would both give a mask named 1"):
        images._stems_differ(paths, unique=True)
    assert images._stems_differ([paths[0], paths[0]], unique=True), "twice the same one"


def test_a_folder_reads_its_pictures_and_is_around_them(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in" / "RGB", ["0.png", "1.png", "2.png"])
    with open_source(folder) as source:
        assert source.reads(folder / "1.png")
        assert source.reads(folder)
        assert source.reads(tmp_path / "in")
        assert not source.reads(tmp_path / "out")
        assert source.entries == range(3)
        assert source.count == 3
        assert [b and b.index for _, b in source.pairs_at([0, 1, 2])] == [1, 2, None]
        for index in (-1, 3):
            with pytest.raises(InputError, match=f"in has 3 pictures, there is no picture {index}"):
                next(source.pairs_at([0, index]))
        assert source.time_base is None
    with open_source(folder, rate=Fraction(10)) as source:
        assert (source.time_base, source.rate) == (Fraction(1, 10), 10)
        assert source.time_of(2) == Fraction(1, 5)
        Image.fromarray(picture(0, (10, 20))).save(folder / "2.png")
        with pytest.raises(InputError, match=r"2\.png changed its size while it was being read"):
            list(source.frames())


def test_pictures_of_a_folder_by_their_stems(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, ["b.png", "a10.JPG", "a9.png"])
    (folder / ".b.png").touch()
    (folder / "c.txt").touch()
    (folder / "d.png").mkdir()
    found = list_pictures(folder)
    assert [path.name for path in found] == ["a9.png", "a10.JPG", "b.png"]
    assert list(by_stem(found)) == ["a9", "a10", "b"]
    with pytest.raises(InputError, match=r"b\.jpg and b\.png: two pictures of one name; remove one"):
        by_stem([*found, Path("b.jpg")])
    with pytest.raises(InputError, match="gone: no such folder"):
        list_pictures(tmp_path / "gone")
    with pytest.raises(InputError, match=r"b\.png cannot be read \(Not a directory\)"):
        list_pictures(folder / "b.png")
    assert [is_listed(name) for name in ("a.png", "a.PNG", ".a.png", "a.txt", "png")] == [
        True, True, False, False, False
    ]  # fmt: skip


def test_order_of_names() -> None:
    names = ["b", "a10", "a2", "A1", "a", "a02", "10", "9", "a2b1", "a2b"]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "A1", "a02", "a2", "a2b", "a2b1", "a10", "b"]


def make_gif(path: Path, durations: list[int]) -> Path:
    some = [Image.fromarray(picture(index)) for index in range(len(durations))]
    some[0].save(path, save_all=True, append_images=some[1:], duration=durations)
    return path


def test_frames_that_are_to_last_no_time_last_a_tenth_of_a_second(tmp_path: Path) -> None:
    with open_source(make_gif(tmp_path / "a.gif", [10, 20, 0, 50])) as source:
        assert [frame.time * 1000 for frame in source.frames()] == [0, 100, 120, 220]
        assert source.rate == Fraction(4000, 270)
        assert source.time_base == Fraction(1, 1000)
        assert source.count == 4
        assert source.reads(tmp_path / "a.gif")
        assert not source.reads(tmp_path)
        for index in (-1, 4):
            with pytest.raises(InputError, match=rf"a\.gif has 4 frames, there is no frame {index}"):
                next(source.pairs_at([0, index]))


def test_a_torn_animation_says_how_much_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source(make_gif(tmp_path / "a.gif", [40] * 5)) as source:
        plain = animation.pixels

        def torn(image: Image.Image, path: Path) -> tuple:
            if image.tell() == 3:
                raise InputError("torn")
            return plain(image, path)

        monkeypatch.setattr(animation, "pixels", torn)
        with pytest.raises(TruncatedError, match=r"a\.gif is cut off or damaged: 2 of 5 frames"):
            list(source.frames())
        assert [frame.index for frame in source.read(1)] == [1, 2]


def test_pages_have_the_rate_that_is_given(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture(k)) for k in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with open_source(tmp_path / "a.tif", rate=Fraction(5)) as source:
        assert (source.kind, source.rate, source.time_base) == ("folder", 5, Fraction(1, 5))
    with open_source(tmp_path / "a.tif") as source:
        assert (source.rate, source.time_base) == (None, None)


def test_what_a_file_holds_decides(tmp_path: Path) -> None:
    still, moving = tmp_path / "still.dat", make_gif(tmp_path / "moving.dat.gif", [40] * 2)
    Image.fromarray(picture(0)).save(still, "JPEG")
    assert [is_still(still), is_animation(still)] == [False, False], "of that name only what moves is read so"
    assert [is_still(moving), is_animation(moving)] == [True, True]
    Image.fromarray(picture(0)).save(tmp_path / "one.gif")
    assert [is_still(tmp_path / "one.gif"), is_animation(tmp_path / "one.gif")] == [True, False]
    for name, codec in (("a.mp4", "libx264"), ("a.mkv", "ffv1"), ("a.avi", "mpeg4")):
        film = make_video(tmp_path / name, 2, codec=codec).rename(tmp_path / f"{name}.png")
        assert animation._is_film(film)
        assert not is_still(film)
    for head in (b"....moov....", b"RIFF....AVI "):
        (tmp_path / "b.png").write_bytes(head)
        assert animation._is_film(tmp_path / "b.png")
    for head in (b"", b"ftyp........", b"RIFF....WAVE", b"\x1aE\xdf", b"....mdat"):
        (tmp_path / "b.png").write_bytes(head)
        assert not animation._is_film(tmp_path / "b.png")
        assert is_still(tmp_path / "b.png"), "so that it is called no picture"


def test_a_gif_has_what_is_half_opaque() -> None:
    rgba = np.dstack([picture(0), np.full(SIZE, 255, np.uint8)])
    rgba[:, :16, 3], rgba[:, 16:32, 3], rgba[:, 32:48, 3] = 0, 127, 128
    before = rgba.copy()
    shown = _palette_frame(rgba).to_ndarray(format="rgba")
    assert np.array_equal(rgba, before)
    assert (shown[:, :32, 3] == 0).all()
    assert (shown[:, 32:, 3] == 255).all()
    assert np.abs(shown[:, 32:, :3].astype(int) - rgba[:, 32:, :3]).mean() < 8
    solid = np.full((*SIZE, 4), (200, 100, 50, 255), np.uint8)
    assert np.abs(_palette_frame(solid).to_ndarray(format="rgba").astype(int) - solid).max() <= 1
