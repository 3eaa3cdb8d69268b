"""Sound beside the pictures: kept as far as it can be, and never at the pictures' cost."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from video_samples import make_video, picture, run

from dpa.video import open_sink, open_source
from dpa.video.write import sound as sound_module
from dpa.video.write import tracks


def write(source_path: Path, output: Path, kind: str | None = None) -> list[str]:
    """What the sink warns of."""
    with open_source(source_path) as source, open_sink(output, kind, source) as sink:
        run(source, sink)
        assert source.count is not None
    with av.open(str(output)) as container:
        assert sum(1 for _ in container.decode(video=0)) == source.count
    return sink.warnings


def tracks_of(path: Path) -> list[tuple[str, int, float]]:
    """Codec, rate and seconds of each sound track."""
    found = []
    with av.open(str(path)) as container:
        for stream in container.streams.audio:
            container.seek(0)
            samples = sum(frame.samples for frame in container.decode(stream))
            found.append((sound_module.codec_name(stream), stream.rate, samples / stream.rate))
    return found


def make_sound(
    path: Path,
    codec: str,
    rate: int = 48000,
    seconds: int = 1,
    layout: str = "mono",
    labels: dict[str, str] | None = None,
) -> Path:
    """A clip of 25 pictures a second with noise."""
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        track: Any = output.add_stream(codec, rate=rate, layout=layout)
        track.metadata.update(labels or {})
        context = track.codec_context
        context.open()
        for index in range(25 * seconds):
            output.mux(video.encode(av.VideoFrame.from_ndarray(picture(index), "rgb24")))
        output.mux(video.encode(None))
        resampler = av.AudioResampler(context.format, layout, rate, context.frame_size or 1024)
        wave = np.random.default_rng(3).normal(0, 2000, (1, rate * seconds)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave, "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(track.encode(part))
        output.mux(track.encode(None))
    return path


def test_mp3_of_an_avi_is_copied(tmp_path):
    source = make_sound(tmp_path / "in.avi", "mp3", 44100)
    assert write(source, tmp_path / "out.mp4") == []
    ((codec, rate, seconds),) = tracks_of(tmp_path / "out.mp4")
    assert (codec, rate) == ("mp3", 44100)
    assert abs(seconds - 1) < 0.1


def test_times_too_coarse_to_rise_are_counted_in_samples(tmp_path):
    # Its frames of 1,024 or 1,152 samples are not a whole number of an AVI's ticks: opus needs new ones.
    source = make_sound(tmp_path / "in.avi", "mp3", 44100, seconds=3)
    assert write(source, tmp_path / "out.webm") == []
    ((codec, rate, seconds),) = tracks_of(tmp_path / "out.webm")
    assert (codec, rate) == ("opus", 48000)
    assert abs(seconds - 3) < 0.1


@pytest.mark.parametrize(
    ("rate", "nearest"), [(22254, 22050), (192000, 96000), (11111, 11025), (48000, 48000)]
)
def test_rates_that_the_encoder_lacks_become_the_nearest(tmp_path, rate, nearest):
    source = make_sound(tmp_path / "in.mov", "pcm_s16le", rate)
    assert write(source, tmp_path / "out.mp4") == []
    ((codec, got, seconds),) = tracks_of(tmp_path / "out.mp4")
    assert (codec, got) == ("aac", nearest)
    assert abs(seconds - 1) < 0.1


@pytest.mark.parametrize("output", ["out.mp4", "out.webm"])
def test_joined_recordings_keep_their_sound_beside_their_pictures(tmp_path, output):
    part = make_video(tmp_path / "a.ts", 50, sound="aac", options={"bf": "2"}).read_bytes()
    (tmp_path / "in.ts").write_bytes(part * 3)
    assert write(tmp_path / "in.ts", tmp_path / output, None) == []
    ((_, _, seconds),) = tracks_of(tmp_path / output)
    assert abs(seconds - 6) < 0.2
    with av.open(str(tmp_path / output)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    times = [packet.pts * packet.time_base for packet in packets]
    assert times == sorted(times)
    assert abs(float(times[-1]) - 6) < 0.2


def test_channels_that_change(tmp_path):
    parts = [
        make_sound(tmp_path / f"{layout}.ts", "ac3", layout=layout).read_bytes()
        for layout in ("stereo", "5.1")
    ]
    (tmp_path / "in.ts").write_bytes(b"".join(parts))
    assert write(tmp_path / "in.ts", tmp_path / "out.webm") == []
    ((codec, _, seconds),) = tracks_of(tmp_path / "out.webm")
    assert codec == "opus"
    assert abs(seconds - 2) < 0.2


@pytest.mark.parametrize(("output", "german"), [("out.mp4", "deu"), ("out.mov", "ger")])
def test_labels_are_kept(tmp_path, output, german):
    source = tmp_path / "in.mkv"
    with av.open(str(make_sound(tmp_path / "one.mkv", "aac"))) as one, av.open(str(source), "w") as two:
        two.metadata.update({"creation_time": "2020-02-03T04:05:06.000000Z", "title": "A day out"})
        streams = [
            two.add_stream_from_template(stream) for stream in (one.streams.video[0], one.streams.audio[0])
        ]
        extra = two.add_stream_from_template(one.streams.audio[0])
        streams[1].metadata["language"], extra.metadata["language"] = "fin", "deu"
        streams[1].metadata["title"], extra.metadata["title"] = "original", "dubbed"
        streams[1].disposition, extra.disposition = 0, av.stream.Disposition.default.value
        chapter = {
            "id": 1,
            "start": 0,
            "end": 400,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": "One"},
        }
        two.set_chapters([chapter, chapter | {"id": 2, "start": 400, "end": 900}])
        for packet in one.demux():
            if packet.dts is not None:
                twin = av.Packet(bytes(packet))
                twin.pts, twin.dts, twin.time_base = packet.pts, packet.dts, packet.time_base
                twin.duration, twin.is_keyframe = packet.duration, packet.is_keyframe
                packet.stream = streams[packet.stream.index]
                two.mux(packet)
                if packet.stream is streams[1]:
                    twin.stream = extra
                    two.mux(twin)
    assert write(source, tmp_path / output, "overlay") == []
    with av.open(str(tmp_path / output)) as container:
        sounds = container.streams.audio
        assert [stream.metadata["language"] for stream in sounds] == ["fin", german]
        assert [bool(stream.disposition & av.stream.Disposition.default) for stream in sounds] == [
            False,
            True,
        ]
        assert container.metadata["creation_time"] == "2020-02-03T04:05:06.000000Z"
        assert container.metadata["title"] == "A day out"
        chapters = container.chapters()
        assert [one["metadata"]["title"] for one in chapters] == ["One", "One"]
        assert [float(one["start"] * one["time_base"]) for one in chapters] == [0, 0.4]


def _fail(*_: Any, **__: Any) -> None:
    raise av.ArgumentError(22, "Invalid argument")


@pytest.mark.parametrize("broken", ["_resampled", "_encoded", "take"])
def test_whatever_fails_on_the_way_costs_the_track_only(tmp_path, monkeypatch, broken):
    source = make_sound(tmp_path / "in.mov", "pcm_s16le")
    kind = tracks.Encoded if broken != "take" else tracks.Copied
    if broken == "take":
        source = make_sound(tmp_path / "in.mp4", "aac")
        monkeypatch.setattr(sound_module.Sound, "_mux", lambda self, track, _: _raise(track))
    else:
        monkeypatch.setattr(kind, broken, _fail)
    (warning,) = write(source, tmp_path / "out.mp4", "overlay")
    assert warning.startswith(f"sound track 1 of {source} is left out from here on: ")


def _raise(track: Any) -> None:
    raise track.failed("its packets do not fit the output", av.ArgumentError(22, "Invalid argument"))


@pytest.mark.parametrize("place", ["av.open", "stream"])
def test_sound_that_cannot_be_opened(tmp_path, monkeypatch, place):
    source = make_sound(tmp_path / "in.mov", "pcm_s16le")
    with open_source(source) as opened, open_sink(tmp_path / "out.mp4", None, opened) as sink:
        if place == "av.open":
            monkeypatch.setattr(sound_module, "readable", lambda path: str(path) + ".gone")
        else:
            monkeypatch.setattr(tracks.av, "CodecContext", SimpleNamespace(create=_fail))
        run(opened, sink)
    assert len(sink.warnings) >= 1
    assert all("left out" in sentence for sentence in sink.warnings)
    assert tracks_of(tmp_path / "out.mp4") == []


def test_noise_instead_of_sound_is_said(tmp_path):
    source = make_sound(tmp_path / "in.mkv", "flac", seconds=2)
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    for start, size in places:
        data[start + 8 : start + size] = bytes(size - 8)
    source.write_bytes(data)
    (warning,) = write(source, tmp_path / "out.webm")
    assert "sound track 1" in warning


def test_a_pipes_sound_is_not_kept_and_that_is_said(tmp_path):
    path = make_video(tmp_path / "in.ts", 6, sound="aac")
    with open_source(path.as_uri()) as source, open_sink(tmp_path / "out.mp4", None, source) as sink:
        run(source, sink)
    assert sink.warnings == ["the sound of in is not kept: only that of files is"]


def clocked(times, jumps=(), origin=0, unit=Fraction(1, 100), leads=0):
    """What `_Clock` makes of packets: their new times, None for those that it leaves out."""
    clock = sound_module._Clock(Fraction(origin), [Fraction(0), *jumps])
    got = []
    for time in times:
        packet = SimpleNamespace(dts=time, pts=None if leads is None else time + leads, time_base=unit)
        kept = clock.set(packet)
        got.append((packet.dts, packet.pts) if kept else None)
    return got


def test_packets_go_to_the_outputs_clock():
    assert clocked([300, 302, 304], origin=3) == [(0, 0), (2, 2), (4, 4)]
    assert clocked([300, 302], origin=3, leads=5) == [(0, 5), (2, 7)]
    assert clocked([300, 302], origin=3, leads=None) == [(0, 0), (2, 2)]
    assert clocked([10], origin=Fraction(1, 3), unit=Fraction(1, 30)) == [(0, 0)]
    assert clocked([100], origin=Fraction(1, 3)) == [(67, 67)], "to the nearest tick"


def test_a_clock_that_jumps_back_has_passed_a_join():
    assert clocked([0, 60, 9, 20], jumps=[1]) == [(0, 0), (60, 60), (109, 109), (120, 120)]
    assert clocked([60, 0, 51, 0], jumps=[1, 2]) == [(60, 60), (100, 100), (151, 151), (200, 200)]
    # By half a second it is an overlap, and what overlaps is left out.
    assert clocked([60, 10, 61], jumps=[1]) == [(60, 60), None, (61, 61)]
    # More jumps than the pictures have: it stays with the last one.
    assert clocked([60, 0, 70, 9], jumps=[1]) == [(60, 60), (100, 100), (170, 170), None]


def test_packets_that_do_not_come_after_the_last_one_are_left_out():
    assert clocked([5, 5, 4, 6]) == [(5, 5), None, None, (6, 6)]


def test_sound_is_copied_as_far_as_the_pictures_have_come(tmp_path):
    source = make_sound(tmp_path / "in.mp4", "aac", seconds=2)
    times = []
    with av.open(str(tmp_path / "out.mp4"), "w") as output:
        sound = sound_module.Sound(
            source, output, frozenset({"aac"}), "aac", origin=Fraction(0), jumps=(), warn=times.append
        )
        sound._mux = lambda track, packet: times.append(packet.dts * packet.time_base)
        for until in (Fraction(1, 2), Fraction(1, 2), Fraction(1)):
            sound.copy_until(until)
            assert until - Fraction(1, 20) < max(times) <= until
        before = len(times)
        sound.copy_until(None)
        assert times[before:] == sorted(times[before:])
        assert times[-1] > Fraction(19, 10)
        sound.close()
        sound.copy_until(None)


@pytest.mark.parametrize(("length", "last"), [(Fraction(1), 1), (None, 2)])
def test_sound_of_a_part_is_within_it(tmp_path, length, last):
    source = make_sound(tmp_path / "in.mov", "pcm_s16le", seconds=2)
    times = []
    with av.open(str(tmp_path / "out.mov"), "w") as output:
        sound = sound_module.Sound(
            source, output, frozenset({"pcm_s16le"}), "aac",
            origin=Fraction(1, 2), jumps=(), length=length, warn=times.append,
        )  # fmt: skip
        sound._mux = lambda track, packet: times.append(packet.dts * packet.time_base)
        sound.copy_until(None)
        sound.close()
    if length is None:
        assert min(times) == Fraction(-1, 2)
        assert Fraction(14, 10) < max(times) < Fraction(3, 2)
    else:
        assert min(times) >= 0
        assert Fraction(9, 10) < max(times) < 1


def test_chapters_move_with_the_clock_and_begin_at_zero(tmp_path):
    chapters = [
        {"id": k, "start": 1000 * k, "end": 1000 * k + 900, "time_base": Fraction(1, 1000), "metadata": {}}
        for k in range(4)
    ]
    source = make_sound(tmp_path / "in.mkv", "aac")
    kept = []
    with av.open(str(source)) as opened:
        output = SimpleNamespace(metadata={}, set_chapters=kept.extend)
        given = SimpleNamespace(metadata={"title": "T", "encoder": "E"}, chapters=lambda: chapters)
        given.__dict__["close"] = opened.close
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sound_module.av, "open", lambda *_, **__: _Opened(given))
        sound_module.keep_file_labels(source, output, Fraction(3, 2))
    assert [(one["start"], one["end"]) for one in kept] == [(0, 0), (0, 400), (500, 1400), (1500, 2400)]
    assert output.metadata == {"title": "T"}


class _Opened:
    def __init__(self, inside):
        self.inside = inside

    def __enter__(self):
        return self.inside

    def __exit__(self, *_):
        return None


def test_languages_of_quicktime_are_the_bibliographic_ones():
    def kept(language, quicktime):
        source = SimpleNamespace(
            metadata={"language": language, "title": "T", "handler_name": "H", "other": "O"},
            disposition=SimpleNamespace(value=5),
        )
        output = SimpleNamespace(metadata={}, disposition=0)
        sound_module.keep_labels(source, output, quicktime)
        assert (output.disposition, output.metadata["title"], output.metadata["handler_name"]) == (
            5,
            "T",
            "H",
        )
        assert "other" not in output.metadata
        return output.metadata["language"]

    assert [kept(one, True) for one in ("deu", "zho", "bod", "fra", "eng")] == [
        "ger",
        "chi",
        "tib",
        "fre",
        "eng",
    ]
    assert kept("deu", False) == "deu"


def encoded(tmp_path, rate=48000):
    """A track on its way into a file, whose source is never read."""
    output = av.open(str(tmp_path / "out.mp4"), "w")
    stream = SimpleNamespace(channels=1, rate=rate)
    return output, tracks.Encoded("sound track 1", stream, output, "aac")


def sound_frame(samples, start, rate=48000):
    frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.int16), "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame


def test_gaps_are_kept_and_overlaps_left_out(tmp_path):
    output, track = encoded(tmp_path)

    def came(start):
        """Whether sound that starts there is taken; a tenth of a second of it waits then."""
        frame = sound_frame(4800, start) if start is not None else sound_frame(4800, 0)
        if start is None:
            frame.pts = None
        taken = track._is_next(frame, None)
        if taken:
            frame.pts = None
            track._waiting.write(frame)
        return taken

    assert came(2400)
    assert track._next == 2400
    assert came(7200)
    assert came(None), "without a time it is the next"
    # It ends at 16,800. A fifth of a second, 9,600 samples, off is the clock's own.
    assert came(16800 + 9600)
    assert track._next == 2400
    assert came(21600 - 9599)
    assert not came(26400 - 9600)
    assert not came(0)
    assert came(26400 + 9601)
    assert track._next == 2400 + 9601
    assert track._came == 8
    output.close()


def test_sound_without_a_first_time_starts_at_zero(tmp_path):
    output, track = encoded(tmp_path)
    frame = sound_frame(480, 0)
    frame.pts = None
    assert track._is_next(frame, None)
    assert track._next == 0
    output.close()


@pytest.mark.parametrize(("pts", "unit"), [(None, Fraction(1, 100)), (5, None)])
def test_sound_without_a_time_or_its_unit_is_the_next(tmp_path, pts, unit):
    output, track = encoded(tmp_path)
    assert track._is_next(SimpleNamespace(pts=pts, time_base=unit), None)
    assert track._is_next(SimpleNamespace(pts=pts, time_base=unit), None)
    assert (track._next, track._came) == (0, 2)
    output.close()


@pytest.mark.parametrize(
    ("rate", "nearest"), [(8000, 8000), (44100, 44100), (46050, 48000), (46000, 44100), (500000, 96000)]
)
def test_of_two_rates_as_near_the_higher_one(rate, nearest):
    assert tracks._nearest_rate("aac", rate) == nearest
    assert tracks._nearest_rate("libopus", rate) == 48000
    assert tracks._nearest_rate("flac", rate) == rate, "which takes any"
