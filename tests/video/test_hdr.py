"""High dynamic range becomes what FFmpeg makes of it."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
from hdr_samples import CODED, make_hdr
from video_samples import close_to, make_video, picture, run

from dpa.errors import InputError
from dpa.video import open_sink, open_source
from dpa.video.hdr import HLG, PQ, ToneMap, _hable
from dpa.video.segmented import Segmented
from dpa.video.write.movie import KEEPS_HDR

# What `ffmpeg -vf zscale=t=linear:npl=100:agamma=0,format=gbrpf32le,
# zscale=p=bt709:agamma=0,tonemap=tonemap=hable:desat=0:peak=10,zscale=t=bt709:r=full:agamma=0` makes of
# `CODED` (FFmpeg 5.1, zimg 3.0.4).
SHOWN = {
    HLG: [
        (0, 0, 0), (51, 51, 51), (100, 100, 100), (126, 126, 126), (143, 143, 143), (193, 193, 193),
        (255, 255, 255), (157, 59, 45), (0, 147, 80), (0, 72, 148), (113, 142, 0), (152, 84, 97),
        (118, 56, 160), (0, 68, 81), (117, 83, 41), (34, 25, 33),
    ],
    PQ: [
        (0, 0, 0), (36, 36, 36), (101, 101, 101), (157, 157, 157), (192, 192, 192), (255, 255, 255),
        (255, 255, 255), (218, 0, 0), (0, 201, 0), (0, 43, 222), (90, 191, 0), (210, 34, 82),
        (102, 0, 235), (0, 55, 76), (137, 68, 0), (22, 15, 21),
    ],
}  # fmt: skip


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_colours_are_those_of_ffmpegs_tone_mapping(tmp_path, transfer):
    with open_source(make_hdr(tmp_path / "in.mp4", transfer)) as source:
        got = [frame.image[20, 20] for frame in source.frames()]
        again = [frame.image[20, 20] for frame, _ in source.pairs_at([3, 9])]
    difference = np.abs(np.array(got, int) - SHOWN[transfer])
    assert difference.mean() < 1.5
    assert difference[:7].max() <= 1  # greys
    assert np.array_equal(again, [got[3], got[9]])


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_the_formula_itself(transfer):
    coded = np.array(CODED, np.float32).reshape(1, -1, 3) / 1023
    shown = ToneMap(transfer).mapped(coded)[0] * 255
    assert np.abs(shown - SHOWN[transfer]).max() < 1.5


def test_hdr_becomes_an_ordinary_video(tmp_path):
    source = make_hdr(tmp_path / "in.mp4", HLG)
    with open_source(source) as opened, open_sink(tmp_path / "out.mp4", None, opened) as sink:
        run(opened, sink)
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_trc, context.color_primaries, context.colorspace) == (1, 1, 1)
    with open_source(tmp_path / "out.mp4") as opened:
        image = list(opened.frames())[8].image
    assert np.abs(image[40, 60].astype(int) - SHOWN[HLG][8]).max() < 6


def test_prores_says_its_colours_in_the_bitstream(tmp_path):
    source = make_video(tmp_path / "in.mp4", 2)
    with open_source(source) as opened, open_sink(tmp_path / "out.mov", "alpha", opened) as sink:
        run(opened, sink)
    with av.open(str(tmp_path / "out.mov")) as container:
        packet = bytes(next(packet for packet in container.demux(video=0)))
    # The frame's header (SMPTE RDD 36, 5.1.1): after its size, its name, and 14 bytes come the three numbers.
    assert packet[4:8] == b"icpf"
    assert list(packet[22:25]) == [1, 1, 1]


def test_ordinary_video_is_left_alone(tmp_path):
    with open_source(make_video(tmp_path / "in.mp4", 2)) as source:
        assert close_to(next(source.frames()).image, picture(0), 6)


@pytest.mark.skipif(not KEEPS_HDR, reason="this PyAV has no matrix of BT.2020")
@pytest.mark.parametrize("transfer", [HLG, PQ])
@pytest.mark.parametrize(
    ("name", "kind", "codec"),
    [("o.mp4", "overlay", "hevc"), ("g.mov", "green", "hevc"), ("a.mov", "alpha", "prores")],
)
def test_hdr_is_kept(tmp_path, transfer, name, kind, codec):
    """Where the object is not drawn on, or is what is kept, colours are coded as in the source."""
    source = make_hdr(tmp_path / "in.mp4", transfer)
    with open_source(source, hdr=True) as opened, open_sink(tmp_path / name, kind, opened) as sink:
        assert opened.hdr is not None
        inside = np.zeros(opened.size, np.float32)
        inside[:24] = 1
        for frame in opened.frames():
            assert close_to(frame.image[20, 20], np.array(SHOWN[transfer][frame.index]), 6)
            sink.write(Segmented(frame, inside, inside > 0.5))
    with av.open(str(tmp_path / name)) as container:
        context = container.streams.video[0].codec_context
        assert context.codec.canonical_name == codec
        assert (context.color_trc, context.color_primaries, context.colorspace) == (transfer, 9, 9)
        assert context.pix_fmt == ("yuv420p10le" if codec == "hevc" else "yuva444p12le")
    with open_source(tmp_path / name, hdr=True) as opened:
        frames = [frame.coded >> 6 for frame in opened.frames()]
    assert len(frames) == len(CODED)
    place = (40, 20) if kind == "overlay" else (8, 20)
    white = 0.58 if transfer == PQ else 0.75
    errors = []
    for frame, coded in zip(frames, CODED, strict=True):
        errors.append(np.abs(frame[place].astype(int) - coded))
        if kind == "green":
            assert np.abs(frame[40, 20] - np.array([0, 177, 64]) / 255 * white * 1023).max() < 12
    assert np.mean(errors) < 4, errors


def test_hdr_that_an_old_pyav_cannot_keep_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("dpa.video.write.KEEPS_HDR", False)
    with open_source(make_hdr(tmp_path / "in.mp4", PQ), hdr=True) as source:
        with pytest.raises(InputError, match="--hdr keep wants PyAV 18 or newer"):
            open_sink(tmp_path / "o.mp4", "overlay", source)
        open_sink(tmp_path / "masks", None, source).abort()


def test_what_cannot_hold_hdr_is_tone_mapped_or_refused(tmp_path):
    with open_source(make_hdr(tmp_path / "in.mp4", PQ), hdr=True) as source:
        with pytest.raises(InputError, match=r"\.webm holds no high dynamic range with alpha: give \.mov"):
            open_sink(tmp_path / "o.webm", "alpha", source)
        with open_sink(tmp_path / "strip.mp4", "strip", source) as sink:
            run(source, sink)
    with av.open(str(tmp_path / "strip.mp4")) as container:
        assert container.streams.video[0].codec_context.color_trc == 1
    with open_source(make_video(tmp_path / "plain.mp4", 2), hdr=True) as source:
        assert source.hdr is None
        assert next(source.frames()).coded is None


def pq(light: float) -> float:
    """The code of a light in cd/m2 (SMPTE ST 2084, equation 5.2)."""
    y = (light / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def grey(level: float) -> np.ndarray:
    return np.full((1, 1, 3), level, np.float32)


@pytest.mark.parametrize("light", [0.5, 10, 100, 203, 1000, 10000])
def test_light_of_pq(light):
    assert ToneMap(PQ)._light(grey(pq(light))) == pytest.approx(light / 100, rel=2e-3)


@pytest.mark.parametrize(("code", "light"), [(0, 0), (0.25, 1 / 48), (0.5, 1 / 12), (0.75, 0.2650), (1, 1)])
def test_light_of_hlg(code, light):
    # ITU-R BT.2100, table 5; 0.75 is the white of graphics.
    found = ToneMap(HLG)._light(grey(code))
    assert found == pytest.approx(light, abs=2e-4)
    assert found.dtype == np.float32


@pytest.mark.parametrize("peak", [250.0, 450.0, 1000.0])
def test_the_peak_becomes_the_brightest_white(peak):
    tone = ToneMap(PQ, wide=False, peak=peak)
    assert tone.mapped(grey(pq(peak))) == pytest.approx(1, abs=1e-3)
    assert tone.mapped(grey(pq(peak * 0.8))).max() < 0.99
    assert tone.mapped(grey(1)).max() == 1


def test_the_curve_is_hables():
    # "Uncharted 2: HDR Lighting", the slide with the numbers: a white of 11.2 comes to 0.7254 or so.
    assert _hable(11.2) == pytest.approx(0.7253, abs=2e-4)
    assert _hable(0.0) == pytest.approx(0, abs=1e-6)
    assert _hable(1.0) == pytest.approx(0.2207, abs=1e-4)


@pytest.mark.parametrize(
    ("transfer", "primaries", "expected"),
    [(PQ, 9, (PQ, True)), (HLG, 2, (HLG, True)), (HLG, 1, (HLG, False)), (1, 9, None), (2, 2, None)],
)
def test_which_frames_are_mapped(transfer, primaries, expected):
    frame = SimpleNamespace(color_trc=transfer, color_primaries=primaries)
    tone = ToneMap.of(frame)
    assert (tone and (tone.transfer, tone.wide)) == expected
    if tone:
        assert tone.primaries == (9 if tone.wide else 1)
        assert tone.peak == 1000


def test_bt709_colours_stay_where_they_are():
    red = np.float32([[[pq(100), pq(1), pq(1)]]])
    wide, narrow = (ToneMap(PQ, wide=wide).mapped(red)[0, 0] for wide in (True, False))
    # Hues stay: the ratio of the channels in light is that of the source.
    assert (narrow[0] / narrow[1]) ** 2.4 == pytest.approx(100, rel=0.02)
    assert wide[1] == 0, "a red of BT.2020 lies outside"
