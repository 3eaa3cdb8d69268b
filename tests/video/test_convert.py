"""From stored pixels to the picture that is shown: matrix, range, orientation, rounding."""

from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from hypothesis import given
from hypothesis import strategies as st
from video_samples import picture

from dpa.errors import InputError
from dpa.video import convert
from dpa.video.convert import Converter, Orientation, orientation_of


def tagged(height: int = 480, matrix: int = 2, form: str = "yuv420p", reach: int = 0) -> Any:
    """What is asked of a frame; matrix 2 and range 0 are "unspecified"."""
    of = SimpleNamespace(name=form, is_rgb=form.startswith(("rgb", "gbr")))
    return SimpleNamespace(height=height, colorspace=matrix, format=of, color_range=reach)


@pytest.mark.parametrize(("matrix", "number"), [(1, 1), (4, 4), (5, 5), (6, 5), (7, 7), (9, 9), (10, 9)])
def test_the_tagged_matrix_whatever_the_size(matrix: int, number: int) -> None:
    assert [convert._matrix(tagged(height, matrix)) for height in (2, 4000)] == [number] * 2


@pytest.mark.parametrize(("height", "number"), [(1, 5), (719, 5), (720, 1), (2160, 1)])
@pytest.mark.parametrize("matrix", [0, 2, 3, 8, 14])
def test_other_matrices_are_guessed_from_the_size(matrix: int, height: int, number: int) -> None:
    assert convert._matrix(tagged(height, matrix)) == number


@pytest.mark.parametrize(
    ("form", "reach", "full"),
    [
        ("yuv420p", 0, False),
        ("yuv420p", 1, False),
        ("yuv420p", 2, True),
        ("yuvj420p", 1, True),
        ("yuvj422p", 0, True),
        ("rgb24", 1, True),
        ("gbrp", 0, True),
        ("gray", 0, True),
        ("gray10le", 0, True),
        ("gray", 1, False),
        ("gray", 2, True),
        ("nv12", 0, False),
    ],
)
def test_ranges(form: str, reach: int, full: bool) -> None:
    assert convert._range(tagged(form=form, reach=reach)) == (ColorRange.JPEG if full else ColorRange.MPEG)


def test_more_than_eight_bits_are_rounded_exactly() -> None:
    seen = []

    class Reformatter:
        def reformat(self, frame: av.VideoFrame, **options: Any) -> av.VideoFrame:
            seen.append(options["interpolation"])
            return frame.reformat(format=options["format"])

    for form in ("yuv420p", "yuv420p10le"):
        frame = av.VideoFrame.from_ndarray(picture(0), "rgb24").reformat(format=form)
        converter = Converter(frame)
        converter._reformatter = Reformatter()  # type: ignore[assignment]
        converter(frame)
    # libswscale's SWS_BILINEAR, and SWS_ACCURATE_RND beside it.
    assert seen == [2, 2 | 0x40000]


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(1, 9), st.integers(1, 9))
def test_transpose_first_then_mirror(transpose: bool, flip_x: bool, flip_y: bool, h: int, w: int) -> None:
    image = np.arange(h * w * 3, dtype=np.uint8).reshape(h, w, 3)
    turn = Orientation(transpose, flip_x, flip_y)
    expected = image.transpose(1, 0, 2) if transpose else image
    expected = expected[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    assert np.array_equal(turn.apply(image), expected)
    assert turn.size(h, w) == expected.shape[:2]
    assert turn.apply(image).flags["C_CONTIGUOUS"]


def held(a: int, b: int, c: int, d: int) -> Orientation:
    data = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14], np.int32).tobytes()
    frame: Any = SimpleNamespace(side_data={"DISPLAYMATRIX": data})
    return orientation_of(frame)


def test_display_matrices() -> None:
    plain: Any = SimpleNamespace(side_data={})
    assert orientation_of(plain) == Orientation()
    assert held(1, 0, 0, 1) == Orientation()
    assert held(-1, 0, 0, 1) == Orientation(flip_x=True)
    assert held(1, 0, 0, -1) == Orientation(flip_y=True)
    assert held(0, 1, 1, 0) == Orientation(transpose=True)
    assert held(0, 1, -1, 0) == Orientation(transpose=True, flip_x=True)
    assert held(0, -1, 1, 0) == Orientation(transpose=True, flip_y=True)


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_other_angles_go_to_the_nearest_quarter(degrees: int) -> None:
    if degrees % 90 == 45:
        return
    angle = np.radians(degrees)
    cos, sin = (round(65536 * value) for value in (np.cos(angle), np.sin(angle)))
    nearest = round(degrees / 90) % 4
    expected = [
        Orientation(),
        Orientation(transpose=True, flip_x=True),
        Orientation(flip_x=True, flip_y=True),
        Orientation(transpose=True, flip_y=True),
    ][nearest]
    assert held(cos, sin, -sin, cos) == expected
    assert held(65536, 65536, 65536, 65536) == Orientation(), "halfway between: as it is"


def test_a_picture_that_changes_its_size_is_scaled_to_the_first() -> None:
    first, second = (
        av.VideoFrame.from_ndarray(picture(0, size), "rgb24").reformat(format="yuv420p")
        for size in ((48, 64), (96, 100))
    )
    converter = Converter(first)
    assert converter.size == (48, 64)
    assert converter(second)["image"].shape == (48, 64, 3)


def test_pictures_do_not_share_memory_with_the_decoder() -> None:
    frame = av.VideoFrame.from_ndarray(picture(0), "rgb24")
    image = Converter(frame)(frame)["image"]
    assert np.array_equal(image, picture(0))
    image[:] = 0
    assert np.array_equal(frame.to_ndarray(), picture(0))


def test_transparency_is_kept_where_it_is_wanted() -> None:
    half = np.dstack([picture(0), np.full((48, 64), 100, np.uint8)])
    frame = av.VideoFrame.from_ndarray(half, "rgba")
    got = Converter(frame)(frame)
    assert got["alpha"].tolist() == half[:, :, 3].tolist()
    plain = Converter(frame, alpha=False)(frame)
    assert np.array_equal(plain["image"], picture(0))
    assert plain.get("alpha") is None


def test_copies_have_memory_of_their_own() -> None:
    frame = av.VideoFrame.from_ndarray(picture(0), "rgb24").reformat(format="yuv420p")
    one = Converter(frame)
    two = one.copy()
    assert two._reformatter is not one._reformatter
    assert (two._tone, two.hdr, two.size) == (None, None, one.size)
    frame.color_trc = 18
    toned = Converter(frame, hdr=True)
    toned(frame)
    assert toned.copy()._tone is not toned._tone
    assert toned.copy()._tone == toned._tone
    assert toned.hdr is not None


def test_what_ffmpeg_refuses_is_an_error_of_ours() -> None:
    frame = av.VideoFrame.from_ndarray(picture(0), "rgb24")
    converter = Converter(frame)

    class Refuses:
        def reformat(self, *_: Any, **__: Any) -> None:
            raise ValueError("no")

    converter._reformatter = Refuses()  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"pixels of the format rgb24 cannot be converted \(no\)"):
        converter(frame)
