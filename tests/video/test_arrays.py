"""Arrays as a source: sequences can be sought in, iterators are live."""

from fractions import Fraction

import numpy as np
import pytest
from video_samples import picture

from dpa.errors import InputError
from dpa.video import open_source

FRAMES = [picture(index) for index in range(4)]


@pytest.mark.parametrize("arrays", [FRAMES, tuple(FRAMES), np.stack(FRAMES)], ids=["list", "tuple", "array"])
def test_a_sequence_can_be_sought_in(arrays) -> None:
    with open_source(arrays, rate=Fraction(10)) as source:
        assert (source.kind, source.live, source.count) == ("folder", False, 4)
        assert source.size == FRAMES[0].shape[:2]
        assert (source.rate, source.time_base) == (10, Fraction(1, 10))
        assert [frame.time for frame in source.frames(2)] == [Fraction(2, 10), Fraction(3, 10)]
        (first, second), (last, nothing) = source.pairs_at([0, 3])
        assert np.array_equal(second.image, FRAMES[1])
        assert (first.index, last.index, nothing) == (0, 3, None)
        with pytest.raises(InputError, match="there is no frame 4"):
            list(source.pairs_at([4]))


def test_one_array_is_one_picture() -> None:
    with open_source(FRAMES[0]) as source:
        assert (source.kind, source.count) == ("image", 1)
        assert (source.rate, source.time_base) == (None, None)


def test_an_iterator_is_live_and_read_once() -> None:
    taken: list[int] = []

    def coming():
        for index, image in enumerate(FRAMES):
            taken.append(index)
            yield image

    with open_source(coming()) as source:
        assert (source.kind, source.live, source.count) == ("live", True, None)
        frames = source.frames()
        assert next(frames).index == 0
        assert taken == [0], "no frame is taken before it is wanted"
        assert [frame.index for frame in frames] == [1, 2, 3]
        assert list(source.frames()) == []
        with pytest.raises(InputError, match="read once only"):
            next(source.frames(1))
        with pytest.raises(InputError, match="cannot be sought in"):
            list(source.pairs_at([0]))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ([FRAMES[0].astype(np.float32)], r"frame 0 is a float32 array of shape \(48, 64, 3\): frames are"),
        ([FRAMES[0][..., 0]], r"shape \(48, 64\)"),
        ([FRAMES[0], FRAMES[1][:-2]], "frame 1 is 64x46 but the first is 64x48"),
        ([FRAMES[0], None], "frame 1 is a NoneType"),
        (iter([]), "at least one"),
        (iter(["a.png"]), "frame 0 is a str"),
        (np.zeros((0, 4, 4, 3), np.uint8), "at least one"),
        ([], "the list of pictures is empty"),
    ],
)
def test_what_is_no_frame_is_said(arrays, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence), open_source(arrays) as source:
        list(source.frames())
