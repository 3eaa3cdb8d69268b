"""What is painted of a frame: tints, outlines, panels, levels of high dynamic range."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.segmented import Segmented
from dpa.video.write import paint
from dpa.video.write.matte import ramp
from dpa.video.write.paint import Look, hdr_painter, paint_mask, paint_soft, painter


def scene(height: int = 40, width: int = 60, level: int = 90) -> Segmented:
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    frame = Frame(np.full((height, width, 3), level, np.uint8), 0)
    return Segmented(frame, mask.astype(np.float32), mask)


def test_levels_of_masks() -> None:
    frame = Frame(np.zeros((1, 7, 3), np.uint8), 0)
    levels = np.float32([[-0.5, 0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4, 0.5, 1, 1.5]])
    shown = Segmented(frame, levels, levels > 0.4)
    assert paint_soft(shown).tolist() == [[0, 0, 0, 1, 128, 255, 255]]
    assert paint_mask(shown).tolist() == [[0, 0, 0, 0, 255, 255, 255]]
    assert paint_soft(shown).dtype == paint_mask(shown).dtype == np.uint8


@given(st.floats(0, 1), st.integers(0, 255))
def test_the_tint_is_a_mix(strength: float, level: int) -> None:
    tinted = paint._tint(strength)[level, 0].astype(float)
    exact = level * (1 - strength) + strength * np.array([255, 64, 64])
    assert np.abs(tinted - exact).max() <= 0.5 + 1e-3


def lines(shown: Segmented) -> np.ndarray:
    """Where the outline is drawn."""
    return (painter("overlay", look=Look(0.0))(shown) == (255, 64, 64)).all(axis=2)


@pytest.mark.parametrize(("side", "width"), [(40, 1), (449, 1), (451, 2), (900, 3), (1060, 4)])
def test_the_outline_is_as_wide_as_the_picture_wants(side: int, width: int) -> None:
    shown = scene(side, side + 50)
    row = lines(shown)[3 * side // 8]
    # At the object's left edge, and inside and outside of it no more than so wide.
    edge = (side + 50) // 4
    assert row[edge]
    assert (
        row[edge - 3 : edge + 4].sum()
        == cv2.line(np.zeros((9, 40), np.uint8), (20, 0), (20, 8), 1, width)[4].sum()
    )
    assert not row[edge + 5 : edge + 20].any()


def test_holes_have_an_outline_too() -> None:
    shown = scene(60, 60)
    shown.mask[18:24, 18:24] = False
    drawn = lines(shown)
    assert drawn[15, 20]
    assert drawn[17, 20]
    assert not drawn[20, 20]
    assert not drawn[:14].any()


def test_a_frame_without_an_object_is_a_copy() -> None:
    shown = scene()
    shown.mask[:] = False
    painted = painter("overlay")(shown)
    assert np.array_equal(painted, shown.frame.image)
    assert painted is not shown.frame.image


def test_strengths() -> None:
    assert Look().strength == 0.5
    for strength in (-0.01, 1.01):
        with pytest.raises(InputError, match="must lie between 0 and 1"):
            Look(strength)
    assert Look(0.0).strength == 0
    assert Look(1.0).strength == 1


@pytest.mark.parametrize(
    ("width", "expected"),
    [(0, (40, 240)), (240, (40, 240)), (241, (40, 240)), (120, (20, 120)), (122, (20, 120)), (4, (1, 4))],
)
def test_strips_are_shrunk_to_a_width(width: int, expected: tuple[int, int]) -> None:
    assert painter("strip", width=width)(scene()).shape == (*expected, 3)


def test_panels_of_a_strip() -> None:
    shown = scene()
    flow = np.full((10, 15, 3), (1, 2, 3), np.uint8)
    shown = Segmented(shown.frame, shown.probability, shown.mask, flow)
    strip = painter("strip", look=Look(1.0))(shown)
    frame, motion, mask, overlay = np.hsplit(strip, 4)
    assert np.array_equal(frame, shown.frame.image)
    assert (motion == (1, 2, 3)).all()
    assert np.array_equal(mask, np.repeat(shown.mask[:, :, None] * np.uint8(255), 3, 2))
    assert (overlay[shown.mask] == (255, 64, 64)).all()
    half = painter("strip")(shown)[:, 180:]
    assert half[15, 22].tolist() == [172, 77, 77]


def test_the_objects_own_opacity() -> None:
    shown = scene()
    rgba = painter("rgba")(shown)
    assert np.array_equal(rgba[:, :, 3], ramp(shown.probability))
    refined = np.full(shown.mask.shape, 200, np.uint8)
    seen = Segmented(shown.frame, shown.probability, shown.mask, None, refined)
    assert (painter("rgba")(seen)[:, :, 3] == 200).all()
    own = np.full(shown.mask.shape, 100, np.uint8)
    both = Segmented(Frame(shown.frame.image, 0, alpha=own), shown.probability, shown.mask, None, refined)
    assert np.abs(painter("alpha")(both)[:, :, 3].astype(float) - 200 * 100 / 255).max() <= 0.5


def coded(level: int = 30000) -> Segmented:
    shown = scene()
    frame = Frame(shown.frame.image, 0, coded=np.full((40, 60, 3), level, np.uint16))
    return Segmented(frame, shown.probability, shown.mask)


def test_overlays_in_high_dynamic_range() -> None:
    white = 0.5
    painted = hdr_painter("overlay", white, 0.25)(coded())
    assert painted.dtype == np.uint16
    assert (painted[0] == 30000).all()
    colour = np.array([255, 64, 64]) / 255 * white * 65535
    assert np.abs(painted[15, 22] - (0.75 * 30000 + 0.25 * colour)).max() <= 1
    assert np.abs(painted[10, 22] - colour).max() <= 1, "the outline"
    half = hdr_painter("overlay", white)(coded())
    assert np.abs(half[15, 22] - (30000 + colour) / 2).max() <= 1


def test_cut_outs_in_high_dynamic_range() -> None:
    green = hdr_painter("green", 0.5)(coded())
    assert (green[15, 22] == 30000).all()
    assert np.abs(green[0, 0] - np.array([0, 177, 64]) / 255 * 0.5 * 65535).max() <= 1
    alpha = hdr_painter("alpha", 0.5)(coded())
    assert alpha.dtype == np.uint16
    assert alpha[15, 22].tolist() == [30000, 30000, 30000, 65535]
    assert alpha[0, 0, 3] == 0


def test_a_colour_where_white_has_another_level() -> None:
    assert paint._at((255, 64, 0), 255.0) == (255, 64, 0)
    assert paint._at((255, 51, 0), 1000.0) == (1000, 200, 0)


def test_flow_panels_are_black_or_fill() -> None:
    assert not paint._flow_panel(None, (3, 5)).any()
    assert paint._flow_panel(None, (3, 5)).shape == (3, 5, 3)
    ramp_ = np.array([[[0] * 3, [100] * 3]], np.uint8)
    assert paint._flow_panel(ramp_, (1, 4))[0, :, 0].tolist() == [0, 25, 75, 100]
