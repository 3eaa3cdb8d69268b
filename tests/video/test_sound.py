"""The parts of sound: clocks, labels, tracks, and what each says when it fails."""

from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from video_samples import make_sound, run

from dpa.video import open_sink, open_source
from dpa.video.write import sound as sound_module
from dpa.video.write import tracks


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


@pytest.mark.parametrize("start", [0, 2400])
def test_encoded_sound_counts_its_samples(tmp_path, start):
    output, track = encoded(tmp_path)
    given = []
    track.stream = SimpleNamespace(
        codec_context=SimpleNamespace(frame_size=1024),
        encode=lambda part: given.append(part and (part.pts, part.samples, part.time_base)) or [],
    )
    track._source = SimpleNamespace(
        decode=lambda packet: [sound_frame(1500, start + 1500 * k) for k in range(2)] if packet else []
    )
    track.take(SimpleNamespace())
    track.take(None)
    tick = Fraction(1, 48000)
    assert given == [
        (start, 1024, tick), (start + 1024, 1024, tick), (start + 2048, 952, tick), None,
    ]  # fmt: skip
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


def sound_of(tmp_path, warn, source=None, **options):
    output = av.open(str(tmp_path / "out.mp4"), "w")
    source = source or make_sound(tmp_path / "in.mp4", "aac")
    how = {"origin": Fraction(0), "jumps": (), "warn": warn} | options
    return output, sound_module.Sound(source, output, frozenset({"aac"}), "aac", **how)


@pytest.mark.parametrize("error", [OSError("gone"), av.FFmpegError(5, "gone")])
def test_sound_that_cannot_be_read_at_all_is_said(tmp_path, monkeypatch, error):
    source = make_sound(tmp_path / "in.mp4", "aac")
    told = []
    output = av.open(str(tmp_path / "out.mp4"), "w")

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(sound_module.av, "open", fails)
    sound = sound_module.Sound(
        source, output, frozenset(), "aac", origin=Fraction(0), jumps=(), warn=told.append
    )
    sound.copy_until(None)
    sound.close()
    monkeypatch.undo()
    output.close()
    assert told == [f"{source}: its sound cannot be read (gone) and is left out"]


def test_sound_that_breaks_off_is_said(tmp_path):
    told = []
    output, sound = sound_of(tmp_path, told.append)

    def breaks(_):
        raise av.FFmpegError(5, "Input/output error")
        yield

    sound._input = SimpleNamespace(demux=breaks, streams={0: None, 1: None}, close=lambda: None)
    assert list(sound._demux()) == []
    sound._input = None
    sound.close()
    output.close()
    assert told == [f"{tmp_path / 'in.mp4'}: its sound breaks off (input/output error)"]


@pytest.mark.parametrize("error", [av.ArgumentError(22, "no"), av.InvalidDataError(1, "no")])
def test_packets_that_do_not_fit_cost_their_track(tmp_path, error):
    told = []
    output, sound = sound_of(tmp_path, told.append)

    class Output:
        def mux(self, _):
            raise error

    sound._output = Output()
    sound.copy_until(None)
    sound.close()
    output.close()
    label = f"sound track 1 of {tmp_path / 'in.mp4'}"
    assert told == [f"{label} is left out from here on: its packets do not fit the output (no)"]
    assert sound._tracks == {}


def test_a_track_without_a_decoder_is_said(tmp_path):
    told = []
    output, sound = sound_of(tmp_path, told.append)
    sound._add(3, SimpleNamespace(codec_context=None), frozenset(), "aac")
    sound.close()
    output.close()
    assert told == [
        f"sound track 3 of {tmp_path / 'in.mp4'} has a codec that this FFmpeg does not know, and is left out"
    ]


@pytest.mark.parametrize("error", [av.FFmpegError(5, "no"), ValueError("no")])
def test_what_an_encoder_refuses(tmp_path, monkeypatch, error):
    output, track = encoded(tmp_path)
    monkeypatch.setattr(track, "_resampled", lambda _: (_ for _ in ()).throw(error))
    track._source = SimpleNamespace(decode=lambda _: [sound_frame(10, 0)])
    with pytest.raises(tracks.TrackError, match=r"from here on: it cannot be encoded anew \(no\)"):
        track.take(None)
    monkeypatch.setattr(
        tracks.av, "CodecContext", SimpleNamespace(create=lambda *_: (_ for _ in ()).throw(error))
    )
    with pytest.raises(tracks.TrackError, match=r"sound track 2 is left out: aac cannot encode it \(no\)"):
        tracks.Encoded("sound track 2", SimpleNamespace(channels=2, rate=48000), output, "aac")
    output.close()


def test_packets_that_cannot_be_decoded_are_counted(tmp_path):
    output, track = encoded(tmp_path)

    def fails(error):
        def decode(_):
            raise error

        track._source = SimpleNamespace(decode=decode)

    fails(av.FFmpegError(5, "no"))
    assert track.take(SimpleNamespace()) == []
    assert track.lost == 1
    assert track._decoded(None) == []
    assert track.lost == 1, "at the end nothing is lost"
    fails(av.EOFError(1, "end"))
    assert track._decoded(SimpleNamespace()) == []
    assert track.lost == 1
    with pytest.raises(tracks.TrackError, match="sound track 1 is left out: nothing of it can be decoded"):
        track.take(None)
    track._came = 1
    track.take(None)
    output.close()


def test_chapters_that_cannot_be_read_are_said(tmp_path, monkeypatch):
    source = make_sound(tmp_path / "in.mp4", "aac")

    def fails(*_):
        raise av.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr("dpa.video.write.movie.keep_file_labels", fails)
    with open_source(source) as opened, open_sink(tmp_path / "out.mp4", None, opened) as sink:
        run(opened, sink)
    assert sink.warnings == [f"{source}: its title and chapters are left out (invalid argument)"]


def test_mono_stays_mono_and_all_else_is_stereo(tmp_path):
    output = av.open(str(tmp_path / "out.mp4"), "w")
    for channels, layout in ((1, "mono"), (2, "stereo"), (6, "stereo")):
        track = tracks.Encoded("a", SimpleNamespace(channels=channels, rate=44100), output, "aac")
        assert track._layout == track.stream.codec_context.layout.name == layout
        assert track.stream.codec_context.sample_rate == 44100
    output.close()
