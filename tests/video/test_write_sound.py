"""Sound beside the pictures: kept as far as it can be, and never at the pictures' cost."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from video_samples import make_sound, make_video, run

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


@pytest.mark.parametrize("peak", [1e6, -1e12, np.nan, np.inf])
def test_samples_of_any_size_are_clipped(tmp_path, peak):
    """FFmpeg's AAC encoder finds no end of such, which damaged sound decodes to."""
    source = make_sound(tmp_path / "in.mov", "pcm_f32le", peak=peak)
    assert write(source, tmp_path / "out.mp4") == []
    ((codec, _, seconds),) = tracks_of(tmp_path / "out.mp4")
    assert (codec, round(seconds)) == ("aac", 1)
    with av.open(str(tmp_path / "out.mp4")) as container:
        heard = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert 0.05 < np.abs(heard).max() < 4


def test_sound_as_loud_as_it_may_be_is_left_alone():
    loud = av.AudioFrame.from_ndarray(np.full((1, 8), 1.5, np.float32), "fltp", "mono")
    assert tracks._playable(loud) is loud


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
