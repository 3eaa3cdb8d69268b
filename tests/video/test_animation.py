"""Animated pictures: all frames in, and out again with their transparency."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from video_samples import close_to, make_folder, make_video, picture, read_until_error, results, run

from dpa.errors import InputError
from dpa.video import open_sink, open_source
from dpa.video.write import animation

DURATIONS = [40, 80, 120, 40, 40, 200]
FORMATS = [
    "in.gif",
    "in.webp",
    "in.png",
    "in.apng",
    pytest.param(
        "in.avif", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
    ),
]


def make_animation(path: Path, alpha: bool = False) -> Path:
    images = [Image.fromarray(picture(index)) for index in range(6)]
    if alpha:
        for image in images:
            image.putalpha(Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 32, 1).repeat(48, 0)))
    options = (
        {"lossless": True} if path.suffix == ".webp" else {"quality": 95} if path.suffix == ".avif" else {}
    )
    kind = "PNG" if path.suffix == ".apng" else None
    images[0].save(path, kind, save_all=True, append_images=images[1:], duration=DURATIONS, **options)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_all_frames_with_their_durations(tmp_path, name):
    with open_source(make_animation(tmp_path / name)) as source:
        frames = list(source.frames())
        assert (source.kind, source.count, source.size, source.live) == ("video", 6, (48, 64), False)
        assert source.rate == Fraction(6000, 520)
        pairs = list(source.pairs_at([4, 5, 0]))
        rest = list(source.frames(3))
    assert [frame.time for frame in frames] == [Fraction(t, 1000) for t in (0, 40, 120, 240, 280, 320)]
    assert all(close_to(frame.image, picture(frame.index), 5) for frame in frames)
    assert [frame.index for frame in rest] == [3, 4, 5]
    for (frame, after), index in zip(pairs, [4, 5, 0], strict=True):
        assert np.array_equal(frame.image, frames[index].image)
        assert (after is None) == (index == 5)


def test_pages_of_a_tiff_are_frames(tmp_path):
    path = make_animation(tmp_path / "in.tif")
    with open_source(path) as source:
        assert (source.count, source.kind) == (6, "folder")
        assert [frame.time for frame in source.frames()] == [None] * 6
    with open_source(path, rate=Fraction(10)) as source:
        assert [frame.time for frame in source.frames()] == [Fraction(i, 10) for i in range(6)]


def test_pages_of_several_sizes_are_refused(tmp_path):
    first, second = (Image.fromarray(picture(0, size)) for size in [(48, 64), (24, 32)])
    first.save(tmp_path / "in.tif", save_all=True, append_images=[second])
    with open_source(tmp_path / "in.tif") as source:
        got, error = read_until_error(source)
    assert got == [0]
    assert "page 2 is of another size" in error


def test_the_content_decides_and_not_the_name(tmp_path):
    animation = make_animation(tmp_path / "a.webp").rename(tmp_path / "a.png")
    film = make_video(tmp_path / "b.mp4", 5).rename(tmp_path / "b.png")
    still = tmp_path / "c.dat"
    Image.fromarray(picture(0)).save(still, "PNG")
    for path, count, kind in [(animation, 6, "video"), (film, 5, "video"), (still, 1, "image")]:
        with open_source(path) as source:
            assert (source.count, source.kind) == (count, kind)


def test_a_picture_that_is_none_is_called_so(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing" * 99)
    with pytest.raises(InputError, match=r"a\.png is not a picture"):
        open_source(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["in.gif", "in.apng"])
def test_a_cut_animation_gives_what_it_has(tmp_path, name):
    images = [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (48, 64, 3), np.uint8)) for i in range(8)
    ]
    path = tmp_path / name
    images[0].save(path, "PNG" if name == "in.apng" else None, save_all=True, append_images=images[1:])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with open_source(path) as source:
        got, error_text = read_until_error(source)
    assert 0 < len(got) < 8
    assert "cut off or damaged" in error_text


def write(source_path: Path, output: Path, kind: str | None = None) -> Path:
    with open_source(source_path) as source, open_sink(output, kind, source) as sink:
        run(source, sink)
    return output


@pytest.mark.parametrize("name", ["out.webp", "out.apng", "out.gif"])
def test_cut_outs_as_animations(tmp_path, name):
    source = make_video(tmp_path / "in.mp4", 6, stamps=[0, 4, 12, 24, 28, 32], unit=Fraction(1, 100))
    write(source, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.n_frames == 6
        assert image.info["loop"] == 0
        durations = []
        for index in range(6):
            image.seek(index)
            image.load()
            durations.append(image.info["duration"])
            opaque = np.asarray(image.convert("RGBA"))[:, :, 3] > 127
            assert np.mean(opaque != results(index)[1]) < 0.02
            assert opaque.any()
            assert not opaque[:, -8:].any()
    assert durations[:5] == [40, 80, 120, 40, 40]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", name]


@pytest.mark.parametrize("name", ["out.webp", "out.apng", "out.gif"])
@pytest.mark.parametrize("kind", ["overlay", "green", "strip"])
def test_opaque_kinds_as_animations(tmp_path, name, kind):
    source = make_folder(tmp_path / "in", ["a.png", "b.png"], size=(33, 47))
    write(source, tmp_path / name, kind)
    with open_source(tmp_path / name) as opened:
        frames = list(opened.frames())
        assert opened.size == (33, 47 * 4 if kind == "strip" else 47)
        assert [frame.alpha for frame in frames] == [None, None]
    assert [frame.time for frame in frames] == [0, Fraction(1, 25)]


@pytest.mark.parametrize("name", ["in.gif", "in.webp", "in.png", "in.apng"])
def test_hidden_colours_stay_hidden(tmp_path, name):
    path = make_animation(tmp_path / name, alpha=True)
    with open_source(path) as source:
        frame = next(source.frames())
    assert np.all(frame.image[:, :30] == 128)
    assert frame.alpha is not None
    assert np.array_equal(np.unique(frame.alpha), [0, 255])
    with open_source(path, alpha=False) as source:
        assert next(source.frames()).alpha is None


def test_the_last_frame_of_a_webp_lasts_as_long_as_is_said_behind_a_chunk_of_an_odd_length(tmp_path):
    def chunk(name, data):
        return name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)

    path = tmp_path / "a.webp"
    parts = [chunk(b"VP8X", bytes(10)), chunk(b"ICCP", b"oddly"), chunk(b"ANMF", bytes(24))]
    path.write_bytes(b"RIFF" + bytes(4) + b"WEBP" + b"".join(parts))
    animation._mend_webp(path, 1234)
    data = path.read_bytes()
    assert data[20] == 0x10  # VP8X: alpha
    assert int.from_bytes(data[-12:-9], "little") == 1234
    assert len(data) == 12 + sum(map(len, parts))
