"""Whole files that are easily taken for damaged ones, and clocks that do not run as they should."""

import io
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import av
import numpy as np
import pytest
from field_samples import make_field_video
from video_samples import close_to, make_video, picture, read_until_error

from dpa.errors import InputError, TruncatedError
from dpa.video import open_source, packets
from dpa.video.convert import Converter
from dpa.video.files import FileSource
from engine_samples import threads


def test_empty_chunks_of_an_avi_are_no_damage(tmp_path):
    stamps = [0, 1, 2, 6, 7, 9]
    path = make_video(tmp_path / "in.avi", 6, codec="mpeg4", stamps=stamps)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 10
    with open_source(path) as source:
        frames = list(source.frames())
        assert source.count == len(frames) == 6
    assert [frame.time * 25 for frame in frames] == stamps


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_avi_with_empty_chunks_is_damaged(tmp_path, share):
    images = [np.random.default_rng(i).integers(0, 255, (96, 128, 3), np.uint8) for i in range(20)]
    path = make_video(tmp_path / "in.avi", images, codec="mpeg4", stamps=[2 * i for i in range(20)])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with open_source(path) as source:
        _, error = read_until_error(source)
    assert "cut off or damaged" in error


@pytest.mark.parametrize("name", ["fields.mp4", "fields.mkv", "fields.ts"])
def test_a_packet_a_field_is_no_damage(tmp_path, name):
    path = make_field_video(tmp_path / name, 24)
    with av.open(str(path)) as container:
        assert sum(packet.size > 0 for packet in container.demux(video=0)) == 48
    with open_source(path) as source:
        frames = list(source.frames())
        assert source.count == len(frames) == 24
        assert source.rate == 25
        pairs = list(source.pairs_at([23, 4, 11]))
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(24)]
    assert [int(frame.image[20, 24, 0]) for frame in frames] == sorted(
        {int(frame.image[20, 24, 0]) for frame in frames}
    )
    for (frame, _), index in zip(pairs, [23, 4, 11], strict=True):
        assert frame.time == frames[index].time
        assert np.array_equal(frame.image, frames[index].image)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_b_frames_in_an_avi(tmp_path, codec):
    path = make_video(tmp_path / "in.avi", 31, codec=codec, options={"bf": "3", "g": "12"})
    with open_source(path) as source:
        frames = list(source.frames())
        assert source.count == 31
        pairs = list(source.pairs_at([20, 3, 30]))
        rest = list(source.frames(17))
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(31)]
    assert all(close_to(frame.image, picture(frame.index), 6) for frame in frames)
    for (frame, after), index in zip(pairs, [20, 3, 30], strict=True):
        assert frame.time == frames[index].time
        assert np.array_equal(frame.image, frames[index].image)
        assert (after is None) == (index == 30)
    assert [frame.time for frame in rest] == [frame.time for frame in frames[17:]]
    with open_source(path.as_uri()) as source:
        assert [frame.time for frame in source.frames()] == [frame.time for frame in frames]


@pytest.fixture
def joined(tmp_path):
    parts = [
        make_video(tmp_path / f"{count}.ts", count, options={"bf": "2", "g": "10"}).read_bytes()
        for count in (20, 33, 12)
    ]
    path = tmp_path / "in.ts"
    path.write_bytes(b"".join(parts))
    return path


def test_times_go_on_where_the_clock_jumps_back(joined):
    with open_source(joined) as source:
        frames = list(source.frames())
        assert source.count == len(frames) == 65
        assert source.jumps == [Fraction(20, 25), Fraction(53, 25)]
        (warning,) = source.warnings
        pairs = list(source.pairs_at([30, 60, 5]))
        rest = list(source.frames(40))
    assert "jumps back 2 times" in warning
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(65)]
    for (frame, _), index in zip(pairs, [30, 60, 5], strict=True):
        assert frame.time == frames[index].time
        assert np.array_equal(frame.image, frames[index].image)
    assert [frame.time for frame in rest] == [frame.time for frame in frames[40:]]


def test_one_join_is_said_in_the_singular(joined, tmp_path):
    part = (tmp_path / "20.ts").read_bytes()
    (tmp_path / "two.ts").write_bytes(part * 2)
    with open_source(tmp_path / "two.ts") as source:
        (warning,) = source.warnings
    assert "its clock jumps back 1 time, as where recordings were joined" in warning
    with open_source(tmp_path / "20.ts") as source:
        assert list(source.warnings) == []


def test_a_stream_whose_clock_jumps_back(joined):
    with open_source(joined.as_uri()) as source:
        times = [frame.time for frame in source.frames()]
    assert times == [Fraction(i, 25) for i in range(65)]


def stamped(stamp: int, mark: int) -> bytes:
    """A stamp of 1/90000 s as a packet of MPEG-2 holds it (ISO/IEC 13818-1, 2.4.3.7)."""
    parts = (stamp >> 30 & 7, stamp >> 15 & 0x7FFF, stamp & 0x7FFF)
    high, middle, low = (part << 1 | 1 for part in parts)
    return bytes([mark << 4 | high]) + middle.to_bytes(2, "big") + low.to_bytes(2, "big")


@pytest.mark.parametrize("bf", ["0", "2"])
def test_one_wrong_stamp_is_no_join(tmp_path, bf):
    path = make_video(tmp_path / "in.ts", 40, options={"bf": bf, "g": "10", "b-adapt": "0"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    # The twentieth packet says that it belongs to the beginning.
    start = data.index(b"\0\0\1\xe0", packets[20].pos)
    early = packets[2].dts
    if data[start + 7] & 0xC0 == 0xC0:
        data[start + 9 : start + 19] = stamped(early + 1, 3) + stamped(early, 1)
    else:
        data[start + 9 : start + 14] = stamped(early, 2)
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source.frames())
        assert source.count == 40
        assert list(source.jumps) == list(source.warnings) == []
        ((late, _),) = source.pairs_at([31])
    assert [frame.time for frame in frames] == [Fraction(i, 25) for i in range(40)]
    assert all(close_to(frame.image, picture(frame.index), 6) for frame in frames)
    assert np.array_equal(late.image, frames[31].image)
    with open_source(path.as_uri()) as source:
        times = [frame.time for frame in source.frames()]
    assert times == [Fraction(i, 25) for i in range(40)]


def test_frames_lost_at_a_join_do_not_shift_what_follows(joined):
    data = bytearray(joined.read_bytes())
    with av.open(str(joined)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    start = packets[24].pos
    for place in range(start - start % 188, packets[26].pos - packets[26].pos % 188, 188):
        data[place + 4 : place + 188] = bytes(184)
    joined.write_bytes(data)
    with open_source(joined) as source:
        frames = list(source.read())
    assert 60 < len(frames) < 65
    assert all(b.time > a.time for a, b in pairwise(frames))
    last = frames[-1]
    assert last.time == Fraction(64, 25)
    assert close_to(last.image, picture(11), 6)


def test_pixels_that_cannot_be_converted_are_an_error_of_ours(tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise av.ArgumentError(22, "Invalid argument")

    with open_source(make_video(tmp_path / "in.mp4")) as source:
        monkeypatch.setattr(Converter, "_converted", fail)
        with pytest.raises(InputError, match="pixels of the format yuv420p cannot be converted"):
            next(source.frames())
    assert not threads()


@pytest.mark.parametrize(("errors", "damaged", "claimed"), [(0, 0, ""), (1, 0, "1 of 9"), (0, 2, "2 of 9")])
def test_damage_is_claimed_for_errors_and_for_damaged_pictures(errors, damaged, claimed):
    source = SimpleNamespace(label="in.mp4", table=SimpleNamespace(declared=9, cut=False))
    if not claimed:
        return FileSource._complain(source, 8, errors, damaged, ended=True)
    with pytest.raises(TruncatedError, match=f"in.mp4 is damaged: {claimed} frames"):
        FileSource._complain(source, 9, errors, damaged, ended=True)
    return None


def test_a_cut_avi_is_seen_behind_a_chunk_of_an_odd_length():
    whole = b"RIFF" + (5).to_bytes(4, "little") + b"12345\0" + b"RIFF" + (4).to_bytes(4, "little") + b"1234"
    assert not packets._is_cut(io.BytesIO(whole), len(whole))
    assert packets._is_cut(io.BytesIO(whole[:-3]), len(whole) - 3)
