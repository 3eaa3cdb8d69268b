"""Video files: what is seen, when, and how exactly it can be found again."""

import gc
import os
import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_samples import close_to, corners, damage, make_video, picture, read_until_error

from dpa.errors import InputError
from dpa.video import Source, open_source
from dpa.video.convert import Converter


def read(path: Path) -> list:
    with open_source(path) as source:
        return list(source.frames())


def open_files() -> set[str]:
    gc.collect()
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return {os.readlink(link) for link in links if os.path.islink(link)}


def test_frames_come_in_order_with_their_times(tmp_path):
    path = make_video(tmp_path / "clip.mp4", 12, rate=Fraction(30000, 1001), options={"bf": "3"})
    with open_source(path) as source:
        frames = list(source.frames())
        assert (source.kind, source.count, source.size, source.name) == ("video", 12, (48, 64), "clip")
        assert (source.live, source.sound, source.rate) == (False, False, Fraction(30000, 1001))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == [i * Fraction(1001, 30000) for i in range(12)]
    assert all(close_to(frame.image, picture(frame.index), 6) for frame in frames)
    assert all(frame.image.flags["C_CONTIGUOUS"] and frame.image.flags["WRITEABLE"] for frame in frames)


def test_variable_rate_is_kept(tmp_path):
    stamps = [0, 3, 4, 10, 11, 30]
    path = make_video(tmp_path / "vfr.mp4", 6, stamps=stamps, unit=Fraction(1, 90))
    assert [frame.time for frame in read(path)] == [Fraction(stamp, 90) for stamp in stamps]


# The display matrix takes the stored point (p, q) to (a p + c q, b p + d q), y downwards.
TURNS = {
    (1, 0, 0, 1): lambda a: a,
    (-1, 0, 0, 1): lambda a: a[:, ::-1],
    (1, 0, 0, -1): lambda a: a[::-1],
    (-1, 0, 0, -1): lambda a: np.rot90(a, 2),
    # What phones write that were held upright: the stored picture is turned clockwise.
    (0, 1, -1, 0): lambda a: np.rot90(a, -1),
    (0, -1, 1, 0): lambda a: np.rot90(a, 1),
    (0, 1, 1, 0): lambda a: a.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda a: np.rot90(a, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize("turn", list(TURNS))
def test_display_rotation_is_applied(tmp_path, turn):
    path = make_video(tmp_path / "turned.mp4", [corners()] * 3, turn=turn)
    expected = TURNS[turn](corners())
    with open_source(path) as source:
        assert source.size == expected.shape[:2]
        assert close_to(next(source.frames()).image, expected, 6)


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV cannot write it")
def test_rotation_is_understood_as_ffmpeg_does(tmp_path):
    path = tmp_path / "turned.mov"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        # Degrees counter-clockwise.
        stream.set_display_rotation(90)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(corners(), "rgb24")))
        output.mux(stream.encode(None))
    (frame,) = read(path)
    assert close_to(frame.image, np.rot90(corners(), 1), 6)


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (33, 35)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_odd_sizes(tmp_path, size, pixel_format):
    path = make_video(tmp_path / "odd.mkv", [picture(0, size)] * 2, codec="ffv1", pixel_format=pixel_format)
    frames = read(path)
    assert close_to(frames[0].image, picture(0, size), 2)
    # Every row and column is there, the last ones too.
    assert np.abs(frames[0].image[-1].astype(int) - picture(0, size)[-1]).max() < 12
    assert np.abs(frames[0].image[:, -1].astype(int) - picture(0, size)[:, -1]).max() < 12


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le", "yuv444p12le", "gbrp10le"])
def test_more_than_eight_bits(tmp_path, pixel_format):
    path = make_video(tmp_path / "deep.mkv", 2, codec="ffv1", pixel_format=pixel_format)
    assert close_to(read(path)[1].image, picture(1), 3)


@pytest.mark.parametrize("pixel_format", ["gray", "bgra", "yuva420p", "rgb24"])
def test_other_pixel_formats(tmp_path, pixel_format):
    grey = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 48, axis=0).repeat(3, axis=2)
    name, codec = ("other.mov", "png") if pixel_format == "rgb24" else ("other.mkv", "ffv1")
    path = make_video(tmp_path / name, [grey] * 2, codec=codec, pixel_format=pixel_format)
    assert close_to(read(path)[0].image, grey, 2)


@pytest.mark.parametrize("space", ["bt709", "smpte170m"])
@pytest.mark.parametrize("full", [False, True])
def test_matrix_and_range_are_the_tagged_ones(tmp_path, space, full):
    colour = np.array([30, 160, 60])
    kr, kb = (0.2126, 0.0722) if space == "bt709" else (0.299, 0.114)
    luma = kr * 30 + (1 - kr - kb) * 160 + kb * 60
    yuv = np.array([luma, (60 - luma) / (2 - 2 * kb) + 128, (30 - luma) / (2 - 2 * kr) + 128])
    if not full:
        yuv = np.array([16, 128, 128]) + (yuv - [0, 128, 128]) * np.array([219, 224, 224]) / 255
    frame = av.VideoFrame(64, 48, "yuv444p")
    for plane, value in zip(frame.planes, yuv, strict=True):
        plane.update(np.full(plane.buffer_size, round(value), np.uint8).tobytes())
    path = tmp_path / "colour.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        context = stream.codec_context
        context.color_range = 2 if full else 1
        context.colorspace = {"bt709": 1, "smpte170m": 6}[space]
        frame.color_range, frame.colorspace = context.color_range, context.colorspace
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert np.abs(read(path)[0].image[20, 20].astype(int) - colour).max() <= 2


@pytest.mark.parametrize(("lines", "kr", "kb"), [(718, 0.299, 0.114), (720, 0.2126, 0.0722)])
def test_an_untagged_matrix_is_bt709_from_720_lines_up(lines, kr, kb):
    colour = np.array([30, 160, 60])
    luma = kr * 30 + (1 - kr - kb) * 160 + kb * 60
    chroma = np.array([(60 - luma) / (2 - 2 * kb), (30 - luma) / (2 - 2 * kr)])
    frame = av.VideoFrame(32, lines, "yuv444p")
    yuv = [16 + luma * 219 / 255, *(128 + chroma * 224 / 255)]
    for plane, value in zip(frame.planes, yuv, strict=True):
        plane.update(np.full(plane.buffer_size, round(value), np.uint8).tobytes())
    image = Converter(frame)(frame)["image"]
    assert image.shape == (lines, 32, 3)
    assert np.abs(image.astype(int) - colour).max() <= 2


def test_pixels_that_are_not_square(tmp_path):
    path = make_video(tmp_path / "wide.mp4", 2, aspect=Fraction(4, 3))
    with open_source(path) as source:
        assert source.aspect == Fraction(4, 3)
    turned = make_video(tmp_path / "tall.mp4", 2, aspect=Fraction(4, 3), turn=(0, 1, -1, 0))
    with open_source(turned) as source:
        assert source.aspect == Fraction(3, 4)


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_videos(tmp_path, count):
    path = make_video(tmp_path / "short.mp4", count)
    with open_source(path) as source:
        assert source.count == count
        assert len(list(source.frames())) == count
        pairs = list(source.pairs_at(range(count)))
    assert [after is None for _, after in pairs] == [i == count - 1 for i in range(count)]


FILES = {
    "mp4 with B-frames": ("a.mp4", "libx264", {"bf": "3", "g": "9"}),
    "mp4 with open groups": ("b.mp4", "libx264", {"bf": "3", "g": "7", "x264-params": "open-gop=1"}),
    "mp4 with one group": ("c.mp4", "libx264", {"bf": "2", "g": "1000"}),
    "mp4 with rolling refresh": ("d.mp4", "libx264", {"g": "8", "x264-params": "intra-refresh=1"}),
    "hevc with open groups": ("e.mp4", "libx265", {"x265-params": "log-level=none:keyint=8:open-gop=1"}),
    "transport stream": ("f.ts", "libx264", {"bf": "2", "g": "8"}),
    "program stream": ("g.mpg", "mpeg2video", {"bf": "2", "g": "6"}),
    "matroska": ("h.mkv", "libx264", {"bf": "3", "g": "5"}),
    "avi with B-frames": ("i.avi", "mpeg4", {"bf": "2", "g": "6"}),
    "webm, hidden frames": ("j.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "12", "b": "60k"}),
    "webm, vp9": ("k.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": "10"}),
    "no timestamps": ("l.h264", "libx264", {"bf": "2", "g": "6"}),
    "fragments": ("m.mp4", "libx264", {"bf": "2", "g": "6"}),
}


@pytest.fixture(scope="module", params=list(FILES))
def any_file(request, tmp_path_factory):
    name, codec, options = FILES[request.param]
    path = tmp_path_factory.mktemp("files") / name
    muxing = {"movflags": "frag_keyframe+empty_moov"} if request.param == "fragments" else None
    make_video(path, 31, codec=codec, options=options, muxing=muxing)
    with open_source(path) as source:
        yield source, list(source.frames())


def test_count_is_exact(any_file):
    source, frames = any_file
    assert source.count == len(frames) == 31


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(indices=st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_any_frame_is_found_exactly(any_file, indices):
    source, frames = any_file
    assert_pairs(source, frames, indices)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 31))
def test_reading_from_the_middle_is_exact(any_file, start):
    source, frames = any_file
    rest = list(source.frames(start))
    assert [frame.index for frame in rest] == list(range(start, 31))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(rest, frames[start:], strict=True))
    assert [frame.time for frame in rest] == [frame.time for frame in frames[start:]]


def test_pairs_in_a_video_of_varying_rate(tmp_path):
    stamps = list(np.cumsum(np.random.default_rng(0).integers(1, 9, 25)).tolist())
    options = {"bf": "3", "g": "6"}
    path = make_video(tmp_path / "vfr.mp4", 25, stamps=stamps, unit=Fraction(1, 60), options=options)
    with open_source(path) as source:
        assert_pairs(source, list(source.frames()), [24, 3, 3, 4, 17, 0])


def test_a_recording_that_starts_in_the_middle_of_a_group(tmp_path):
    whole = make_video(tmp_path / "whole.ts", 30, options={"bf": "2", "g": "10"})
    packets = whole.read_bytes()
    half = tmp_path / "half.ts"
    # Transport streams have packets of 188 bytes; the first three are its tables.
    half.write_bytes(packets[: 3 * 188] + packets[len(packets) // 188 // 4 * 188 :])
    with open_source(half) as source:
        frames = list(source.frames())
        assert source.count == len(frames) < 30
        assert frames[0].time == 0
        assert_pairs(source, frames, range(0, len(frames), 3))


def test_an_index_outside_the_video(tmp_path):
    with (
        open_source(make_video(tmp_path / "clip.mp4", 4)) as source,
        pytest.raises(InputError, match="4 frames"),
    ):
        next(source.pairs_at([4]))


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.avi"])
def test_a_cut_file_gives_what_it_has_and_says_what_is_lost(tmp_path, name):
    images = [np.random.default_rng(i).integers(0, 255, (96, 128, 3), np.uint8) for i in range(40)]
    muxing = {"movflags": "faststart"} if name.endswith("mp4") else {}
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = make_video(tmp_path / name, images, muxing=muxing, codec=codec)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with open_source(path) as source:
        got, error = read_until_error(source)
        assert len(got) > 15
        assert f"{name} is cut off or damaged: {40 - len(got)} of 40 frames" in error
        assert len(list(source.pairs_at([0, len(got) // 2, source.count - 1]))) == 3


def test_damage_in_the_middle_is_reported(tmp_path):
    path = make_video(tmp_path / "hurt.mp4", 30, options={"g": "5", "bf": "0"})
    damage(path)
    with open_source(path) as source:
        got, error = read_until_error(source)
    assert len(got) >= 28
    assert re.search(r"hurt\.mp4 is .*damaged: \d+ of 30", error)


@pytest.mark.slow
def test_closing_early_leaves_no_file_open(tmp_path):
    path = make_video(tmp_path / "clip.mp4", 20)
    source = open_source(path)
    frames, pairs = source.frames(), source.pairs_at([0, 9, 3])
    next(frames), next(pairs)
    assert str(path) in open_files()
    frames.close()
    pairs.close()
    assert str(path) not in open_files()
    assert len(list(source.frames())) == 20
    source.close()
    assert str(path) not in open_files()


def test_two_readers_of_one_source_do_not_disturb_each_other(tmp_path):
    with open_source(make_video(tmp_path / "clip.mp4", 12)) as source:
        frames = source.frames()
        first = [next(frames) for _ in range(3)]
        list(source.pairs_at([9, 1]))
        rest = list(frames)
    assert [frame.index for frame in first + rest] == list(range(12))


def test_references_are_read_in_another_thread_than_frames(tmp_path):
    images = [picture(index, (240, 320)) for index in range(30)]
    with open_source(make_video(tmp_path / "clip.mp4", images)) as source:
        alone = list(source.frames())
        with ThreadPoolExecutor(2) as pool:
            frames, pairs = pool.submit(list, source.frames()), pool.submit(list, source.pairs_at(range(30)))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames.result(), alone, strict=True))
    assert all(np.array_equal(a.image, b.image) for (a, _), b in zip(pairs.result(), alone, strict=True))


def test_names_that_look_like_protocols_are_files(tmp_path, monkeypatch):
    make_video(tmp_path / "12:30 pm.mp4", 2)
    monkeypatch.chdir(tmp_path)
    assert len(read(Path("12:30 pm.mp4"))) == 2


def assert_pairs(source: Source, frames: list, indices) -> None:
    indices = list(indices)
    pairs = list(source.pairs_at(indices))
    assert len(pairs) == len(indices)
    for index, (frame, after) in zip(indices, pairs, strict=True):
        assert np.array_equal(frame.image, frames[index].image), index
        assert (frame.index, frame.time) == (index, frames[index].time)
        if index + 1 == len(frames):
            assert after is None
        else:
            assert np.array_equal(after.image, frames[index + 1].image), index
            assert (after.index, after.time) == (index + 1, frames[index + 1].time)


def test_samples_differ():
    assert all(not np.array_equal(picture(a), picture(b)) for a, b in pairwise(range(31)))
