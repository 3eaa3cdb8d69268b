"""Sources that cannot be rewound: pipes, streams, cameras."""

import io
import os
import threading
from fractions import Fraction

import numpy as np
import pytest
from video_samples import damage, make_video, picture, read_until_error

from dpa.errors import InputError
from dpa.video import RawVideo, open_source
from dpa.video.read import open_stdin


@pytest.fixture
def stdin(monkeypatch):
    """Puts bytes on standard input, through a real pipe."""
    ends = []

    def feed(data: bytes) -> None:
        out, into = os.pipe()
        writer = threading.Thread(target=_write, args=(into, data))
        writer.start()
        file = os.fdopen(out, "rb")
        ends.append((file, writer))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))

    yield feed
    for file, writer in ends:
        file.close()
        writer.join()


def _write(descriptor: int, data: bytes) -> None:
    try:
        with os.fdopen(descriptor, "wb") as pipe:
            pipe.write(data)
    except BrokenPipeError:
        return


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.ts", "libx264"), ("clip.mkv", "ffv1"), ("clip.avi", "mpeg4")]
)
def test_a_container_on_standard_input(tmp_path, stdin, name, codec):
    path = make_video(tmp_path / name, 10, codec=codec)
    with open_source(path) as source:
        expected = list(source.frames())
    stdin(path.read_bytes())
    with open_source("-") as source:
        assert (source.kind, source.live, source.count, source.sound) == ("live", True, None, False)
        assert (source.size, source.name) == ((48, 64), "stdin")
        got = list(source.frames())
        with pytest.raises(InputError, match="read once only"):
            next(source.frames())
        with pytest.raises(InputError, match="live"):
            next(source.pairs_at([0]))
    assert [frame.time for frame in got] == [frame.time for frame in expected]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(got, expected, strict=True))


def test_raw_frames_on_standard_input(stdin):
    images = [picture(index, (35, 37)) for index in range(5)]
    stdin(b"".join(image.tobytes() for image in images))
    with open_source("-", raw=RawVideo.parse("37x35:rgb24:10")) as source:
        frames = list(source.frames())
        assert (source.size, source.rate) == ((35, 37), 10)
    assert [frame.time for frame in frames] == [Fraction(i, 10) for i in range(5)]
    assert all(np.array_equal(frame.image, image) for frame, image in zip(frames, images, strict=True))


@pytest.mark.timeout(200)
def test_what_arrives_is_given_at_once():
    out, into = os.pipe()
    image = picture(0)
    with os.fdopen(out, "rb") as file, os.fdopen(into, "wb", buffering=0) as pipe:
        pipe.write(image.tobytes() * 5)
        source = open_stdin(RawVideo(64, 48, "rgb24"), file=file)
        frames = source.frames()
        assert [next(frames).index for _ in range(4)] == [0, 1, 2, 3]
        frames.close()
        source.close()


@pytest.mark.parametrize("data", [b"", b"no video\n" * 1000])
def test_no_video_on_standard_input(stdin, data):
    stdin(data)
    with pytest.raises(InputError, match="standard input is"):
        open_source("-")


@pytest.mark.parametrize(
    "text", ["", "64", "64x", "axb", "64x48:nope", "64x48:rgb24:fast", "0x4", "4x4:rgb24:1/0"]
)
def test_bad_raw_settings(text):
    with pytest.raises(InputError, match="raw video"):
        RawVideo.parse(text)


def test_raw_settings_belong_to_standard_input(tmp_path):
    with pytest.raises(InputError, match="standard input"):
        open_source(make_video(tmp_path / "clip.mp4"), raw=RawVideo(64, 48))


def test_a_stream_is_live(tmp_path):
    path = make_video(tmp_path / "clip.ts", 6)
    with open_source(path.as_uri()) as source:
        assert (source.live, source.count, source.name) == (True, None, "clip")
        assert len(list(source.frames())) == 6


def test_a_stream_that_breaks_says_so(tmp_path, stdin):
    muxing = {"movflags": "frag_keyframe+empty_moov"}
    path = make_video(tmp_path / "clip.mp4", 20, options={"bf": "0", "g": "5"}, muxing=muxing)
    stdin(damage(path).read_bytes())
    with open_source("-") as source:
        got, error = read_until_error(source)
    assert len(got) >= 18
    assert error.startswith(f"standard input broke off or is damaged: {len(got)} frames were decoded")


@pytest.mark.parametrize("source", ["7", "/dev/video97"])
def test_no_such_camera(source):
    with pytest.raises(InputError, match=f"camera {source}"):
        open_source(source)


def test_no_such_stream():
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/live\.ts cannot be opened"):
        open_source("http://127.0.0.1:9/live.ts")
