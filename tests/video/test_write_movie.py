"""Video outputs: times, sound, sizes, and files that are whole or not there."""

import errno
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from video_samples import close_to, make_folder, make_video, picture, results, run

from dpa.errors import OutputError
from dpa.video import open_sink, open_source
from dpa.video.segmented import Segmented
from dpa.video.write.movie import MovieSink
from dpa.video.write.paint import paint_overlay


def write(source_path: Path, output: Path, kind: str | None = None, **options) -> Path:
    with (
        open_source(source_path, rate=options.pop("rate", None)) as source,
        open_sink(output, kind, source, **options) as sink,
    ):
        run(source, sink)
    return output


def video_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def sound_packets(path: Path) -> list[tuple[Fraction, Fraction, bytes]]:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(p.pts * p.time_base, p.dts * p.time_base, bytes(p)) for p in packets]


@pytest.mark.parametrize(("name", "kind"), [("o.mp4", "overlay"), ("o.mov", "overlay"), ("a.mov", "alpha")])
def test_variable_rate_is_kept(tmp_path, name, kind):
    stamps = [0, 3, 4, 10, 11, 30, 31, 32]
    unit = Fraction(1001, 30000)
    source = make_video(tmp_path / "in.mp4", 8, stamps=stamps, unit=unit, options={"bf": "2"})
    assert video_times(source) == [stamp * unit for stamp in stamps]
    assert video_times(write(source, tmp_path / name, kind)) == [stamp * unit for stamp in stamps]


def test_webm_keeps_times_to_the_millisecond(tmp_path):
    stamps = [0, 3, 4, 10, 11, 30]
    source = make_video(tmp_path / "in.mp4", 6, stamps=stamps, unit=Fraction(1, 90))
    times = video_times(write(source, tmp_path / "out.webm"))
    assert [round(time * 1000) for time in times] == [round(Fraction(stamp, 90) * 1000) for stamp in stamps]


@pytest.mark.parametrize("name", ["in.mp4", "in.mov", "in.mkv"])
@pytest.mark.parametrize("output", ["out.mp4", "out.mov"])
def test_sound_is_copied_packet_by_packet(tmp_path, name, output):
    source = make_video(tmp_path / name, 20, sound="aac")
    with open_source(source) as opened:
        assert opened.sound
    packets = sound_packets(source)
    copied = sound_packets(write(source, tmp_path / output, "overlay"))
    assert [data for _, _, data in copied] == [data for _, _, data in packets]
    # Matroska's own times are milliseconds.
    slack = Fraction(1, 1000) if name.endswith("mkv") else 0
    for (pts, dts, _), (old_pts, old_dts, _) in zip(copied, packets, strict=True):
        assert abs(pts - old_pts) <= slack
        assert abs(dts - old_dts) <= slack


def test_opus_is_copied_into_webm(tmp_path):
    source = make_video(tmp_path / "in.mkv", 20, sound="libopus")
    copied = sound_packets(write(source, tmp_path / "out.webm"))
    assert [data for _, _, data in copied] == [data for _, _, data in sound_packets(source)]
    assert video_times(tmp_path / "out.webm") == video_times(source)


@pytest.mark.parametrize(
    ("sound", "output", "codec"), [("aac", "o.webm", "opus"), ("pcm_s16le", "o.mp4", "aac")]
)
def test_sound_that_does_not_fit_is_encoded_anew(tmp_path, sound, output, codec):
    source = make_video(tmp_path / "in.mov", 25, sound=sound)
    write(source, tmp_path / output)
    with av.open(str(tmp_path / output)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == codec
        frames = list(container.decode(stream))
    seconds = sum(frame.samples for frame in frames) / frames[0].sample_rate
    assert abs(seconds - 1) < 0.1
    loudness = np.mean([np.abs(frame.to_ndarray()).mean() for frame in frames])
    assert loudness > 0


def test_a_transport_stream_starts_at_zero_and_keeps_its_sound_beside_its_pictures(tmp_path):
    source = make_video(tmp_path / "in.ts", 20, sound="aac", options={"bf": "0"})
    output = write(source, tmp_path / "out.mp4")
    old, new = video_times(source), video_times(output)
    shift = old[0] - new[0]
    assert [time + shift for time in new] == old
    sound = sound_packets(output)
    assert min(new[0], sound[0][0]) == 0
    # MP4 writes the offset between its tracks in milliseconds.
    assert abs(sound[0][0] + shift - sound_packets(source)[0][0]) < Fraction(1, 1000)
    assert len(sound) == len(sound_packets(source))


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (33, 35)])
@pytest.mark.parametrize(("name", "kind"), [("o.mp4", "overlay"), ("o.mp4", "green"), ("o.mp4", "strip")])
def test_odd_sizes_are_padded_by_their_edge(tmp_path, size, name, kind):
    source = make_video(tmp_path / "in.mkv", [picture(0, size)] * 3, codec="ffv1", pixel_format="bgr0")
    write(source, tmp_path / name, kind)
    with open_source(tmp_path / name) as opened:
        height, width = opened.size
        last = list(opened.frames())[-1]
    wanted = size[1] * (4 if kind == "strip" else 1)
    assert (height, width) == (size[0] + size[0] % 2, wanted + wanted % 2)
    if kind == "overlay":
        with open_source(source) as opened:
            expected = paint_overlay(Segmented(next(opened.frames()), *results(2, size)))
        # Colour is stored at half the size: the outline of so small a picture is blurred.
        assert close_to(last.image[: size[0], : size[1]], expected, 8)


def test_overlay_shows_the_colours_of_the_source(tmp_path):
    grey = np.full((48, 64, 3), (200, 90, 40), np.uint8)
    source = make_video(tmp_path / "in.mkv", [grey] * 3, codec="ffv1", pixel_format="bgr0")
    write(source, tmp_path / "out.mp4")
    with open_source(tmp_path / "out.mp4") as opened:
        image = next(opened.frames()).image
    assert np.abs(image[-4:, -4:].astype(int) - grey[0, 0]).max() <= 4


def test_a_folder_gets_its_rate_or_25_frames_a_second(tmp_path):
    folder = make_folder(tmp_path / "in", [f"{i}.png" for i in range(4)])
    assert video_times(write(folder, tmp_path / "a.mp4")) == [Fraction(i, 25) for i in range(4)]
    rated = write(folder, tmp_path / "b.mp4", rate=Fraction(24000, 1001))
    assert video_times(rated) == [i * Fraction(1001, 24000) for i in range(4)]


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_videos_last_as_long_as_their_source(tmp_path, count):
    source = make_video(tmp_path / "in.mp4", count, rate=10)
    output = write(source, tmp_path / "out.mp4")
    with av.open(str(output)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(count, 10)


def test_the_shape_of_pixels_is_kept(tmp_path):
    source = make_video(tmp_path / "in.mp4", 2, aspect=Fraction(4, 3))
    with open_source(write(source, tmp_path / "out.mp4")) as opened:
        assert opened.aspect == Fraction(4, 3)


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.webm", "out.webp"])
def test_where_the_shape_of_pixels_cannot_be_kept_that_is_said(tmp_path, name):
    for aspect in (Fraction(4, 3), Fraction(1)):
        source = make_video(tmp_path / "in.mp4", 2, aspect=aspect)
        with open_source(source) as opened, open_sink(tmp_path / name, None, opened, overwrite=True) as sink:
            run(opened, sink)
        with open_source(tmp_path / name) as opened:
            kept = opened.aspect == aspect
        said = (
            "in: its pixels are not square (4/3), which only .mp4 and .mov keep: it is shown in another shape"
        )
        assert sink.warnings == ([] if kept else [said])


def test_a_turned_video_is_written_upright(tmp_path):
    source = make_video(tmp_path / "in.mp4", 2, turn=(0, 1, -1, 0))
    with open_source(write(source, tmp_path / "out.mp4")) as opened:
        assert opened.size == (64, 48)


def test_strips_are_as_wide_as_players_show(tmp_path):
    folder = make_folder(tmp_path / "in", ["0.png", "1.png"], size=(60, 1100))
    with open_source(write(folder, tmp_path / "out.mp4", "strip")) as opened:
        assert opened.size == (52, 3840)
    write(folder, tmp_path / "out", "strip")
    with open_source(tmp_path / "out") as opened:
        assert opened.size == (60, 4400)


def test_one_run_feeds_several_sinks(tmp_path):
    source = make_video(tmp_path / "in.mp4", 5)
    with (
        open_source(source) as opened,
        open_sink(tmp_path / "masks", None, opened) as masks,
        open_sink(tmp_path / "out.mp4", None, opened) as overlay,
        open_sink(tmp_path / "out.json", None, opened) as coco,
    ):
        for frame in opened.frames():
            for sink in (masks, overlay, coco):
                sink.write(Segmented(frame, *results(frame.index)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "masks", "out.json", "out.mp4"]


OUTPUTS = ["out.mp4", "out.mov", "out.webm", "out.json"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_exception_leaves_nothing(tmp_path, name):
    source = make_video(tmp_path / "in.mp4", 6, sound="aac")
    with (
        pytest.raises(KeyboardInterrupt),
        open_source(source) as opened,
        open_sink(tmp_path / name, None, opened) as sink,
    ):
        run(opened, sink, 3, KeyboardInterrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_until_it_is_whole_the_file_has_another_name(tmp_path, name):
    source = make_video(tmp_path / "in.mp4", 3)
    with open_source(source) as opened, open_sink(tmp_path / name, None, opened) as sink:
        run(opened, sink)
        assert not (tmp_path / name).exists()
        assert (tmp_path / f".{name}.part").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", name]
    sink.abort()
    sink.close()
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("name", OUTPUTS)
def test_overwrite_replaces_only_when_whole(tmp_path, name):
    source, output = make_video(tmp_path / "in.mp4", 4), tmp_path / name
    output.write_text("the old one")
    with pytest.raises(OutputError, match="exists already"):
        write(source, output)
    with (
        pytest.raises(KeyboardInterrupt),
        open_source(source) as opened,
        open_sink(output, None, opened, overwrite=True) as sink,
    ):
        run(opened, sink, 2, KeyboardInterrupt)
    assert output.read_text() == "the old one"
    write(source, output, overwrite=True)
    assert output.stat().st_size > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", name]


def test_a_folder_in_the_way(tmp_path):
    source = make_video(tmp_path / "in.mp4", 2)
    (tmp_path / "out.mp4").mkdir()
    with open_source(source) as opened, pytest.raises(OutputError, match=r"out\.mp4 is a folder"):
        MovieSink(tmp_path / "out.mp4", paint_overlay, opened, overwrite=True)


FULL = """
    import resource, signal, sys
    sys.path.insert(0, {here!r})
    from video_samples import run
    from dpa.errors import OutputError
    from dpa.video import open_sink, open_source
    # A limit on the size of files fails in the same place as a full disk, in the system and not in our code.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    try:
        with open_source({source!r}) as source, open_sink({output!r}, None, source, threads=1) as sink:
            run(source, sink)
    except OutputError as error:
        print(error)
        sys.exit(3)
"""


@pytest.mark.process
@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("limit", [0, 500, 20_000])
def test_a_full_disk_leaves_nothing(tmp_path, name, limit):
    images = [np.random.default_rng(i).integers(0, 255, (64, 96, 3), np.uint8) for i in range(30)]
    source = make_video(tmp_path / "in.mp4", images, sound="aac")
    if name.endswith("json"):
        limit = min(limit, 3000)
    values = {"here": str(Path(__file__).parent), "limit": limit, "source": str(source)}
    code = textwrap.dedent(FULL.format(output=str(tmp_path / name), **values))
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=500)
    assert process.returncode == 3, process.stderr
    assert process.stdout.startswith(f"{tmp_path / name} cannot be written (file too large)")
    assert process.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_full_disk_is_called_so(tmp_path, monkeypatch):
    source = make_video(tmp_path / "in.mp4", 3)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_source(source) as opened, open_sink(tmp_path / "out.mp4", None, opened) as sink:
        run(opened, sink)
        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(OutputError, match=r"out\.mp4 cannot be written: the disk is full"):
            sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("name", ["take:two.mp4", "take:two.mov", "take:two.webm", "take:two.json"])
def test_a_colon_in_a_name_is_no_protocol(tmp_path, monkeypatch, name):
    make_video(tmp_path / "in.mp4", 3, sound="aac")
    monkeypatch.chdir(tmp_path)
    write(Path("in.mp4"), Path(name))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", name]


def test_ffmpegs_refusals_are_errors_of_ours(tmp_path, monkeypatch):
    source = make_video(tmp_path / "in.mp4", 3)

    def fail(*_):
        raise av.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr(MovieSink, "_mux", fail)
    with (
        pytest.raises(OutputError, match=r"out\.mp4 cannot be written"),
        open_source(source) as opened,
        open_sink(tmp_path / "out.mp4", None, opened) as sink,
    ):
        run(opened, sink)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
