"""A part of a video: its frames, its times, its sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from dpa.example import Scene, write_clip
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
    write_clip(tmp_path / "in.mp4", Scene(height=90, width=160, frames=48))
    out = tmp_path / "out.mp4"
    Segmenter(backend=FakeBackend()).write(tmp_path / "in.mp4", [(out, "overlay")], frames=(12, 36))
    with av.open(str(out)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.frames == 24
        assert float(video.duration * video.time_base) == pytest.approx(1.0, abs=0.01)
        assert float(sound.duration * sound.time_base) == pytest.approx(1.0, abs=0.05)
        first = next(packet for packet in container.demux(sound))
        assert 0 <= first.pts * first.time_base < 0.05
