"""A part of a video: its frames, its times, its sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from video_samples import make_video

from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from dpa.video.range import Range
from dpa.video.read import open_source
from engine_samples import FakeBackend, image, make_clip


def test_frames_begin_at_zero(tmp_path: Path) -> None:
    with open_source(make_clip(tmp_path / "clip.mkv", 8)) as source:
        part = Range(source, 2, 5)
        frames = list(part.frames())
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert part.count == 3
        assert [frame.time for frame in frames] == [0, Fraction(1, 25), Fraction(2, 25)]
        assert np.array_equal(frames[0].image, image(2))
        assert [frame.index for frame in part.frames(2)] == [2]
        ((last, after),) = part.pairs_at([2])
        assert np.array_equal(last.image, image(4))
        assert after is None


@pytest.mark.parametrize("span", [(3, 3), (-1, 2), (0, 9)])
def test_there_must_be_such_frames(tmp_path: Path, span: tuple[int, int]) -> None:
    with (
        open_source(make_clip(tmp_path / "clip.mkv", 8)) as source,
        pytest.raises(InputError, match="clip has 8 frames"),
    ):
        Range(source, *span)


def test_sound_begins_and_ends_with_the_part(tmp_path: Path) -> None:
    make_video(tmp_path / "in.mp4", [image(k) for k in range(50)], sound="aac")
    out = tmp_path / "out.mp4"
    Segmenter(backend=FakeBackend()).write(tmp_path / "in.mp4", [(out, "overlay")], frames=(12, 37))
    with av.open(str(out)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.frames == 25
        assert float(video.duration * video.time_base) == pytest.approx(1.0, abs=0.01)
        assert float(sound.duration * sound.time_base) == pytest.approx(1.0, abs=0.05)
        first = next(packet for packet in container.demux(sound))
        assert 0 <= first.pts * first.time_base < 0.05


def test_pairs_stay_inside(tmp_path: Path) -> None:
    with open_source(make_clip(tmp_path / "clip.mkv", 8)) as source:
        part = Range(source, 2, 5)
        pairs = [(one.index, after and after.index) for one, after in part.pairs_at([0, 2, 1])]
        assert pairs == [(0, 1), (2, None), (1, 2)]
        assert [frame.time for pair in part.pairs_at([1]) for frame in pair if frame] == [
            Fraction(1, 25),
            Fraction(2, 25),
        ]
        assert part.start == part.origin == source.start + Fraction(2, 25)
        assert part.length == Fraction(3, 25)
        assert part.reads(tmp_path / "clip.mkv")
        assert (part.name, part.size, part.rate, part.first) == ("clip", source.size, 25, 2)
        whole = Range(source, 0, 8)
        assert [frame.index for frame in whole.frames()] == list(range(8))
        assert whole.length == Fraction(8, 25)


def test_pictures_have_no_clock(tmp_path: Path) -> None:
    with open_source(np.stack([image(k) for k in range(4)])) as source:
        part = Range(source, 1, 3)
        assert [frame.time for frame in part.frames()] == [None, None]
        assert (part.start, part.length, part.count) == (0, None, 2)
    with (
        open_source(iter([image(0)])) as source,
        pytest.raises(InputError, match="frames has no known end: there are none from 0 to 1"),
    ):
        Range(source, 0, 1)
