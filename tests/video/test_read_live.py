"""Sources that cannot be rewound: pipes, streams, cameras."""

import io
import os
import threading
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from video_samples import damage, make_video, picture, read_until_error

from dpa.errors import InputError
from dpa.video import RawVideo, live, open_source
from dpa.video.live import LiveSource, open_camera
from dpa.video.pipe import Pipe
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


class Stream:
    """Stands for a `Reader` of frames with these stamps; the unit is 1/100 s, the rate 25."""

    def __init__(self, stamps, container="mpegts", duration=None, rate=Fraction(25), unit=Fraction(1, 100)):
        image = av.VideoFrame.from_ndarray(picture(0), "rgb24")
        # An own class, as the stamps of real ones cannot be taken away.
        self.pictures = [_Picture(image, stamp, duration) for stamp in stamps]
        self.unit, self.errors, self.closed = unit, 3, 0
        self.stream = SimpleNamespace(average_rate=rate, guessed_rate=Fraction(10))
        self.container = SimpleNamespace(
            format=SimpleNamespace(name=container), streams=SimpleNamespace(audio=[])
        )

    def __call__(self, file, label, threads, **options):
        self.given = (file, label, threads, options)
        return self

    def decoded(self):
        return iter(self.pictures)

    def close(self):
        self.closed += 1


class _Picture:
    def __init__(self, image, pts, duration):
        self._image, self.pts, self.duration = image, pts, duration

    def __getattr__(self, name):
        return getattr(self._image, name)


@pytest.fixture
def times(monkeypatch):
    """The times of a live source's frames, in its unit, for the stamps of a stream."""

    def read(stamps, **options):
        stream = Stream(stamps, **options)
        monkeypatch.setattr(live, "Reader", stream)
        monkeypatch.setattr(live, "Converter", lambda *_: _Blank())
        source = LiveSource("udp://camera", "the camera", "camera")
        return [frame.time / stream.unit for frame in source.frames()]

    return read


class _Blank:
    size = (4, 4)

    def __call__(self, _):
        return {"image": np.zeros((4, 4, 3), np.uint8)}


def test_times_of_a_stream_count_from_its_first_frame(times):
    assert times([50, 54, 58, 70]) == [0, 4, 8, 20]


def test_where_a_senders_clock_jumps_back_a_frame_lasts_as_long_as_it_says(times):
    assert times([50, 54, 58, 2, 6, 10]) == [0, 4, 8, 12, 16, 20]
    assert times([50, 54, 58, 2, 6, 10], duration=7) == [0, 4, 8, 15, 19, 23]
    assert times([50, 54, 54, 58]) == [0, 4, 8, 12], "nor does it stand still"
    assert times([50, 54, 54, 58], rate=Fraction(1000)) == [0, 4, 5, 8], "a tick at least"
    assert times([50, 54, 58, 2, 6, 1, 5]) == [0, 4, 8, 12, 16, 20, 24], "again"


def test_one_wrong_stamp_of_a_stream_moves_that_frame_alone(times):
    assert times([50, 54, 58, 2, 66, 70]) == [0, 4, 8, 12, 16, 20]
    # Two in a row are a jump: the clock is ahead of what it was.
    assert times([50, 54, 58, 2, 6, 66]) == [0, 4, 8, 12, 16, 76]


def test_frames_without_stamps_have_those_of_their_number(times):
    assert times([None] * 3) == [0, 4, 8]
    assert times([10, None, 18]) == [0, 4, 8]
    assert times([None, 30, 40]) == [0, 4, 8]
    assert times([0, 9, 90], container="avi") == [0, 4, 8]
    assert times([None] * 3, rate=None) == [0, 10, 20], "the rate is guessed"


def test_what_is_asked_of_a_live_reader(monkeypatch):
    stream = Stream([150, 154])
    monkeypatch.setattr(live, "Reader", stream)
    source = LiveSource("udp://camera", "the camera", "camera", 3, alpha=False, timeout=9)
    # Frame threads would hold frames back.
    options = {"slices": True, "alpha": False, "timeout": 9}
    assert stream.given == ("udp://camera", "the camera", 3, options)
    assert (source.origin, source.start) == (Fraction(3, 2), Fraction(3, 2))
    assert (source.rate, source.time_base, source.sound) == (25, Fraction(1, 100), False)
    assert stream.errors == 0, "what came before the first frame is no damage"
    source.stop()
    source.close()
    assert stream.closed == 1


def test_a_stream_without_a_frame_is_closed(monkeypatch):
    stream = Stream([])
    monkeypatch.setattr(live, "Reader", stream)
    with pytest.raises(InputError, match="the camera gave no frame"):
        LiveSource("udp://camera", "the camera", "camera")
    assert stream.closed == 1


def test_a_pipe_is_stopped_and_closed_with_its_source(monkeypatch):
    monkeypatch.setattr(live, "Reader", Stream([0, 4]))
    monkeypatch.setattr(live, "Converter", lambda *_: _Blank())
    file = io.BytesIO()
    pipe = Pipe(file, "here", owned=True)
    source = LiveSource(pipe, "here", "here")
    source.stop()
    assert pipe.stopped
    assert not file.closed
    frames = source.frames()
    next(frames)
    frames.close()
    assert file.closed


@pytest.mark.parametrize(
    ("system", "given", "device", "name", "kind"),
    [
        ("linux", "0", "/dev/video0", "camera0", "v4l2"),
        ("linux", "/dev/video3", "/dev/video3", "camera", "v4l2"),
        ("darwin", "1", "1", "camera1", "avfoundation"),
        ("win32", "video=Cam", "video=Cam", "camera", "dshow"),
    ],
)
def test_cameras_of_each_system(monkeypatch, system, given, device, name, kind):
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr(live, "LiveSource", lambda *args, **options: (args, options))
    assert open_camera(given, 2) == ((device, f"camera {given}", name, 2), {"format": kind})
    assert open_camera(given)[0][3] == 0


def test_a_camera_has_a_name_on_windows(monkeypatch):
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(InputError, match='camera 0: on this system give its name, such as "video='):
        open_camera("0")


def test_raw_settings_in_short():
    assert RawVideo.parse("64x48") == RawVideo(64, 48, "yuv420p", Fraction(25))
    assert RawVideo.parse("64X48::30000/1001") == RawVideo(64, 48, "yuv420p", Fraction(30000, 1001))
    assert RawVideo.parse("1x1:nv12").options() == {
        "video_size": "1x1",
        "pixel_format": "nv12",
        "framerate": "25",
        "probesize": "32",
        "analyzeduration": "0",
    }


@pytest.mark.parametrize("text", ["0x1", "1x0", "1x-1", "4x4:rgb24:0", "4x4:rgb24:-1"])
def test_raw_settings_must_be_above_zero(text):
    with pytest.raises(InputError, match="a size and a rate above zero"):
        RawVideo.parse(text)
