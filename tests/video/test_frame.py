"""Frames are themselves alone; what is transparent is seen on grey."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dpa.video.frame import Frame, shown
from dpa.video.segmented import Segmented

IMAGE = np.zeros((2, 3, 3), np.uint8)


def test_a_frame_is_equal_to_itself_alone() -> None:
    frame, other = Frame(IMAGE, 0), Frame(IMAGE, 0)
    assert frame != other
    assert len({frame, other}) == 2
    plane = IMAGE[:, :, 0]
    one, two = (Segmented(frame, plane, plane) for _ in range(2))
    assert one != two
    assert len({one, two}) == 2


def test_what_is_not_said_of_a_frame() -> None:
    frame = Frame(IMAGE, 3)
    assert (frame.time, frame.name, frame.alpha, frame.coded, frame.shot, frame.span) == (
        None, None, None, None, 0, None
    )  # fmt: skip


@given(st.integers(0, 255), st.integers(0, 255))
def test_colours_lie_on_a_middle_grey(level: int, opaque: int) -> None:
    colours, alpha = np.full((1, 2, 3), level, np.uint8), np.array([[opaque, 0]], np.uint8)
    seen, kept = shown(colours, alpha)
    assert kept is alpha
    assert np.abs(seen[0, 0].astype(int) - (level * opaque + 128 * (255 - opaque)) / 255).max() <= 1.01
    assert seen[0, 1].tolist() == [128] * 3


def test_what_is_opaque_everywhere_has_no_alpha() -> None:
    for alpha in (None, np.full((2, 3), 255, np.uint8)):
        seen, kept = shown(IMAGE, alpha)
        assert seen is IMAGE
        assert kept is None
    nearly = np.full((2, 3), 255, np.uint8)
    nearly[0, 0] = 254
    assert shown(IMAGE, nearly)[1] is nearly
