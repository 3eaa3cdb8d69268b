"""What all outputs have in common: names, places, encoders and their settings, threads."""

import threading
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from video_samples import make_folder, make_video, picture, results, run

from dpa.errors import InputError, OutputError
from dpa.video import open_sink, open_source
from dpa.video.frame import Frame
from dpa.video.segmented import Segmented
from dpa.video.write import _suffix, check_apart, encoders, kind_of, stream
from dpa.video.write.base import claim_file, put_in_place, remove
from dpa.video.write.encodings import ANIMATIONS, ENCODINGS, HDR, STREAMS
from dpa.video.write.folder import FolderSink, write_png
from dpa.video.write.movie import MovieSink, _even
from dpa.video.write.paint import paint_mask, paint_overlay
from dpa.video.write.worker import Worker


@pytest.mark.parametrize(
    ("output", "suffix"),
    [
        ("-", "-"),
        ("out", ""),
        ("OUT.MP4", ".mp4"),
        ("out.mp4/", ""),
        ("out.mp4\\", ""),
        ("out.tar", ""),
        ("a.b/out.webm", ".webm"),
        ("out.jpg", ".jpg"),
        ("s3://bucket/a.mp4", ".mp4"),
        ("s3://bucket/a.mp4/", ""),
        ("s3://bucket/a.v2", ""),
    ],
)
def test_what_says_what_an_output_is(output: str, suffix: str) -> None:
    assert _suffix(output) == suffix


def test_a_folder_of_a_files_name_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    assert _suffix(tmp_path / "out.mp4") == ""


def test_kinds_of_animations_and_of_standard_output() -> None:
    assert kind_of("-") == "mask"
    assert kind_of("a.gif") == kind_of("a.webp") == kind_of("a.apng") == "alpha"
    assert kind_of("-", "alpha") == "alpha"
    with pytest.raises(InputError, match=r"cannot hold the kind mask; it needs a folder or \.png or -"):
        kind_of("a.gif", "mask")


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("a", "./a", "two outputs are named"),
        ("a", "a/b.mp4", "a/b.mp4 lies inside a, another output"),
        ("s3://x/a", "s3://x/a/b", "s3://x/a/b lies inside s3://x/a"),
    ],
)
def test_outputs_lie_apart(one: str, other: str, words: str) -> None:
    check_apart(["a", "b", "a.mp4", "b/../c", "s3://x/a", "s3://x/b"])
    for outputs in ([one, other], [other, one], ["b", other, "c", one]):
        with pytest.raises(InputError, match=words):
            check_apart(outputs)


def test_a_file_is_claimed_and_put_in_place(tmp_path: Path) -> None:
    part = claim_file(tmp_path / "deep" / "a.mp4", overwrite=False)
    assert part == tmp_path / "deep" / ".a.mp4.part"
    assert part.read_bytes() == b""
    part.write_bytes(b"new")
    (tmp_path / "real.mp4").write_bytes(b"old")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real.mp4")
    put_in_place(part, tmp_path / "link.mp4")
    assert (tmp_path / "link.mp4").is_symlink()
    assert (tmp_path / "real.mp4").read_bytes() == b"new"
    with pytest.raises(OutputError, match=r"real\.mp4 exists already"):
        claim_file(tmp_path / "real.mp4", overwrite=False)
    assert claim_file(tmp_path / "real.mp4", overwrite=True).exists()
    assert (tmp_path / "real.mp4").read_bytes() == b"new"


def test_what_is_removed(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in", ["a.png"])
    (tmp_path / "link").symlink_to(folder)
    remove(tmp_path / "link")
    assert folder.is_dir()
    remove(folder)
    remove(folder)
    assert not list(tmp_path.iterdir())


def test_work_is_done_in_order_in_one_thread_until_it_fails() -> None:
    done: list[Any] = []

    def work(item: int) -> None:
        if item == 3:
            raise ValueError("three")
        done.append((item, threading.current_thread().name))

    worker = Worker(work, "test")
    worker.finish()
    for item in range(3):
        worker.put(item)
    worker.finish()
    assert done == [(k, "dpa-test") for k in range(3)]
    worker.put(3)
    worker._items.put(4)
    with pytest.raises(ValueError, match="three"):
        worker.finish()
    worker.put(5)
    worker.finish()
    assert len(done) == 3, "after an error nothing is done"


def test_work_that_is_stopped_drops_what_waits() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(item: int) -> None:
        begun.set()
        go_on.wait(60)
        done.append(item)

    worker = Worker(work, "test")
    for item in range(3):
        worker.put(item)
    begun.wait(60)
    threading.Timer(0.05, go_on.set).start()
    worker.stop()
    assert done == [0]
    worker.stop()
    Worker(work, "test").stop()


def test_encoders_have_the_settings_of_their_effort() -> None:
    same = {"crf": "18", "x264-params": "cpu-independent=1"}
    assert encoders.settings("libx264", "fast") == same | {"preset": "veryfast"}
    assert encoders.settings("libx264", "good") == same | {"preset": "medium"}
    assert encoders.settings("libvpx-vp9", "fast")["auto-alt-ref"] == "0"
    assert encoders.settings("prores_ks", "good")["profile"] == "4444"
    with pytest.raises(InputError, match="videos are encoded fast or good, not best"):
        encoders.settings("libx264", "best")
    own = encoders.settings("libx264", "fast")
    own["crf"] = "0"
    assert encoders.settings("libx264", "fast")["crf"] == "18", "a copy"


def test_the_first_hardware_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(encoders, "works", lambda name, size: tried.append(name) or name == "h264_qsv")
    assert encoders.choose_encoder("auto", "libx264", (4, 6)) == "h264_qsv"
    assert tried == ["h264_videotoolbox", "h264_nvenc", "h264_qsv"]
    assert encoders.choose_encoder("h264_qsv", "libx264", (4, 6)) == "h264_qsv"
    assert encoders.choose_encoder("libx265", "libx265", (4, 6)) == "libx265"
    tried.clear()
    assert encoders.choose_encoder("auto", "libx265", (4, 6)) == "libx265"
    assert tried == []


def test_an_encoder_is_tried_on_a_few_frames_of_an_even_size(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    class Context(SimpleNamespace):
        def encode(self, frame: Any) -> list[Any]:
            given.append(None if frame is None else (frame.pts, frame.width, frame.height))
            return [1] if frame is None else []

    context = Context()
    monkeypatch.setattr(encoders.av, "CodecContext", SimpleNamespace(create=lambda name, mode: context))
    assert encoders.works("libx264", (33, 48))
    assert given == [(0, 48, 34), (1, 48, 34), (2, 48, 34), None]
    assert (context.width, context.height, context.pix_fmt) == (48, 34, "yuv420p")
    context.encode = lambda frame: []
    assert not encoders.works("libx264", (33, 48))


def test_containers_and_what_they_hold() -> None:
    wants_even = {key for key, one in {**ENCODINGS, **HDR}.items() if one.even}
    assert wants_even == {(".mp4", False), (".mov", False), (".mov", True)}
    assert not any(one.even for one in (*ANIMATIONS.values(), *STREAMS.values()))
    assert not any(one.sound_codec for one in ANIMATIONS.values())
    assert {name: one.unit for name, one in ANIMATIONS.items()} == {
        ".webp": Fraction(1, 1000),
        ".apng": Fraction(1, 1000),
        ".gif": Fraction(1, 100),
    }
    rgb = [name for name, one in {**ENCODINGS, **HDR, **STREAMS, **ANIMATIONS}.items() if one.is_rgb]
    assert rgb == ["gray", "rgb24", "rgba", ".webp", ".apng", ".gif"]
    for key, one in ENCODINGS.items():
        assert one.sound_codec.removeprefix("lib") in one.sound, key
    assert {"vorbis", "pcm_s16le", "opus"} <= STREAMS["rgb24"].sound


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (2, 3), (3, 5)])
def test_the_last_row_and_column_are_repeated(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    even = _even(image)
    assert even.shape[0] % 2 == even.shape[1] % 2 == 0
    assert np.array_equal(even, np.pad(image, ((0, size[0] % 2), (0, size[1] % 2), (0, 0)), "edge"))
    if size == (2, 2):
        assert even is image


def test_times_rise_whatever_they_say(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 1)) as source:
        sink = MovieSink(tmp_path / "out.mp4", paint_overlay, source)
        stamps = []
        for index, time in enumerate([0, Fraction(2, 25), Fraction(1, 25), Fraction(2, 25), Fraction(9, 25)]):
            frame = sink._convert(picture(0), Frame(picture(0), index, time))
            stamps.append((frame.pts * frame.time_base * 25, frame.duration))
        sink.abort()
    ticks = [stamp for stamp, _ in stamps]
    assert ticks[:2] == [0, 2]
    assert ticks == sorted(set(ticks))
    assert ticks[-1] == 9
    assert len({last for _, last in stamps}) == 1


def test_frames_last_as_long_as_the_rate_says() -> None:
    for rate, unit, expected in (
        (Fraction(25), Fraction(1, 12800), 512),
        (Fraction(50), Fraction(1, 25), 1),
        (None, Fraction(1, 1000), 40),
    ):
        source: Any = SimpleNamespace(rate=rate, time_base=unit, size=(48, 64), origin=0, start=0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MovieSink, "_open", lambda self, overwrite: None)
            sink = MovieSink(Path("a.mp4"), paint_overlay, source)
        assert sink._duration == expected
        assert sink._unit == unit


def test_sound_beside_pictures_comes_no_later(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", 50, sound="aac")
    with open_source(source) as opened, open_sink(tmp_path / "out.mov", "overlay", opened) as sink:
        run(opened, sink)
    order = []
    with av.open(str(tmp_path / "out.mov")) as container:
        for packet in container.demux():
            if packet.size:
                order.append((packet.pos, packet.stream.type, float(packet.dts * packet.time_base)))
    last = {"audio": 0.0, "video": 0.0}
    for _, kind, time in sorted(order):
        last[kind] = time
        if kind == "video":
            assert last["audio"] > time - 0.7, "so that players need not seek"


@pytest.mark.parametrize(("layout", "kind"), [("gray", "mask"), ("rgb24", "overlay"), ("rgba", "alpha")])
def test_bare_pixels(layout: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stream.raw_kind(layout, None) == kind
    assert stream.layout_of(kind) == layout
    with pytest.raises(InputError, match="raw frames are written as gray, rgb24, rgba, not as bgr24"):
        stream.raw_kind("bgr24", None)
    with pytest.raises(InputError, match=f"{layout} holds the kinds .*, not coco"):
        stream.raw_kind(layout, "coco")
    written: list[bytes] = []
    file = SimpleNamespace(write=written.append, flush=lambda: written.append(b"flushed"))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=file))
    sink = stream.RawSink(paint_mask)
    sink.write(Segmented(Frame(picture(0), 0), *results(0)))
    assert written == [paint_mask(Segmented(Frame(picture(0), 0), *results(0))).tobytes(), b"flushed"]
    sink.close(), sink.abort()


def test_pictures_are_taken_from_elsewhere(tmp_path: Path) -> None:
    made = make_folder(tmp_path / "made", ["00000.png", "00001.png"])
    with (
        open_source(make_video(tmp_path / "in.mp4", 2)) as source,
        FolderSink(tmp_path / "out", paint_mask, source) as sink,
    ):
        sink.take(sorted(made.iterdir()))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["00000.png", "00001.png"]
    assert len(list(made.iterdir())) == 2
    with pytest.MonkeyPatch.context() as patch, open_source(tmp_path / "in.mp4") as source:
        patch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("another disk")))
        with FolderSink(tmp_path / "copied", paint_mask, source) as sink:
            sink.take(sorted(made.iterdir()))
    assert (tmp_path / "copied" / "00001.png").read_bytes() == (made / "00001.png").read_bytes()


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
def test_colours_of_png_files(tmp_path: Path, shape: tuple[int, ...]) -> None:
    from PIL import Image

    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    write_png(tmp_path / "a.png", image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
