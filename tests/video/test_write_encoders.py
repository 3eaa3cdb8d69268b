"""Which encoder writes a video: what does not work here is not chosen, and said where it is named."""

import av
import pytest
from video_samples import make_video, picture, results, run

from dpa.errors import InputError
from dpa.video import open_sink, open_source
from dpa.video.segmented import Segmented
from dpa.video.write import encoders
from dpa.video.write.encoders import ENCODES, choose_encoder

SIZE = (48, 64)


@pytest.mark.parametrize("encode", ENCODES)
@pytest.mark.parametrize(("name", "codec"), [("o.mp4", "h264"), ("o.mov", "prores"), ("o.webm", "vp9")])
def test_both_efforts_write_whole_files(tmp_path, name, codec, encode):
    source = make_video(tmp_path / "in.mp4", 4)
    with open_source(source) as opened, open_sink(tmp_path / name, None, opened, encode=encode) as sink:
        run(opened, sink)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec.canonical_name == codec
        assert len(list(container.decode(stream))) == 4


def test_the_hardware_that_works_is_taken_and_else_software(monkeypatch):
    monkeypatch.setattr(encoders, "works", lambda name, size: name == "h264_qsv")
    assert choose_encoder("auto", "libx264", SIZE) == "h264_qsv"
    assert choose_encoder("software", "libx264", SIZE) == "libx264"
    assert choose_encoder("auto", "libvpx-vp9", SIZE) == "libvpx-vp9"
    assert choose_encoder("auto", "prores_ks", SIZE) == "prores_ks"
    monkeypatch.setattr(encoders, "works", lambda name, size: False)
    assert choose_encoder("auto", "libx264", SIZE) == "libx264"


def test_trying_tells_what_works():
    assert encoders.works("libx264", (47, 63))
    if not {name for name in av.codecs_available if name.endswith("videotoolbox")}:
        assert not encoders.works("h264_videotoolbox", SIZE)


@pytest.mark.parametrize(
    ("wish", "software", "words"),
    [
        ("h265", "libx264", "there is no encoder h265: choose software, auto or one of libx264"),
        ("libx264", "libvpx-vp9", "libx264 cannot write this kind of video: it is written by libvpx-vp9"),
        ("h264_amf", "libx264", "the encoder h264_amf does not work on this machine: use --encoder auto"),
    ],
)
def test_an_encoder_that_does_not_fit(monkeypatch, wish, software, words):
    monkeypatch.setattr(encoders, "works", lambda name, size: False)
    with pytest.raises(InputError, match=words):
        choose_encoder(wish, software, SIZE)


def test_a_wrong_encoder_leaves_nothing(tmp_path):
    source = make_video(tmp_path / "in.mp4", [picture(0)] * 2)
    with open_source(source) as opened, pytest.raises(InputError):
        open_sink(tmp_path / "out.mp4", None, opened, encoder="h265")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_the_sink_says_which_encoder_it_uses(tmp_path):
    source = make_video(tmp_path / "in.mp4", 2)
    with open_source(source) as opened, open_sink(tmp_path / "out.webm", None, opened) as sink:
        frame = next(opened.frames())
        sink.write(Segmented(frame, *results(0)))
    assert sink.encoder == "libvpx-vp9"
