"""What stands behind the object."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_samples import make_video

from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.read import open_source
from dpa.video.segmented import Segmented
from dpa.video.write.backdrop import _filling, _Filmed, open_backdrop
from dpa.video.write.paint import Look, painter
from engine_samples import FakeBackend, image, make_clip

SIZE = (64, 96)


def square(frame: Frame) -> np.ndarray:
    alpha = np.zeros(frame.image.shape[:2], np.uint8)
    alpha[20:40, 30:60] = 255
    return alpha


def test_a_colour_is_everywhere_but_on_the_object() -> None:
    frame = Frame(image(3), 3)
    alpha = square(frame)
    with open_backdrop("#102030") as backdrop:
        paint = painter("green", look=Look(backdrop=backdrop))
        shown = paint(Segmented(frame, alpha / np.float32(255), alpha > 127, alpha=alpha))
    assert (shown[0, 0], shown[63, 95]) == (pytest.approx([16, 32, 48]), pytest.approx([16, 32, 48]))
    assert np.array_equal(shown[25:35, 35:55], frame.image[25:35, 35:55])


def test_the_object_does_not_glow_in_the_blur() -> None:
    picture = np.full((*SIZE, 3), 20, np.uint8)
    picture[20:40, 30:60] = 250
    frame = Frame(picture, 0)
    with open_backdrop("blur") as backdrop:
        behind = backdrop.behind(frame, square(frame))
    assert behind.shape == picture.shape
    assert behind[:16].max() < 30, "the bright object is taken out before the blur"


def test_a_picture_fills_the_frame_and_a_film_begins_again(tmp_path: Path) -> None:
    make_video(
        tmp_path / "b.mkv",
        [np.full((32, 96, 3), 40 * k, np.uint8) for k in range(1, 4)],
        codec="ffv1",
        pixel_format="bgr0",
    )
    with open_backdrop(str(tmp_path / "b.mkv")) as backdrop:
        levels = [
            int(backdrop.behind(Frame(image(0), k, Fraction(k, 25)), np.zeros(SIZE, np.uint8)).mean())
            for k in (0, 1, 2, 3, 4, 1)
        ]
    assert levels == [40, 80, 120, 40, 80, 80]


@pytest.mark.parametrize("what", ["red", "#12345", "nowhere.png"])
def test_what_is_no_background_is_said(what: str) -> None:
    with pytest.raises(InputError, match="give green, blur, a colour as #1e90ff, or a picture or video"):
        open_backdrop(what)


def test_a_run_paints_it(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", 3)
    make = Segmenter(backend=FakeBackend()).write
    make(clip, [(tmp_path / "out", "green")], background="#ff0000")
    with open_source(tmp_path / "out") as source:
        frame = next(iter(source.frames()))
    assert frame.image[60, 5].tolist() == [255, 0, 0]


def test_strength_of_the_overlay() -> None:
    frame = Frame(image(3), 3)
    mask = square(frame) > 0
    none, full = (
        painter("overlay", look=Look(strength))(Segmented(frame, mask.astype(np.float32), mask, None, None))
        for strength in (0.0, 1.0)
    )
    assert np.array_equal(none[30, 40], frame.image[30, 40])
    assert full[30, 40].tolist() == [255, 64, 64]
    with pytest.raises(InputError, match="between 0 and 1, not 2"):
        Look(2)


class Film:
    """Stands for a source of `count` frames, of the level of their number, whose reading is noted."""

    name = "film"

    def __init__(
        self, count: int | None, rate: Fraction | None = Fraction(10), found: int | None = None
    ) -> None:
        self.count, self.rate = count, rate
        self.found = count if found is None else found
        self.reads: list[int] = []
        self.given = self.closed = 0

    def read(self, start: int = 0) -> "Iterator[Frame]":
        self.reads.append(start)
        for index in range(start, self.found or 0):
            self.given += 1
            yield Frame(np.full((4, 6, 3), index, np.uint8), index)

    def close(self) -> None:
        self.closed += 1


def shown(backdrop: _Filmed, index: int, time: Fraction | None = None) -> int:
    frame = Frame(np.zeros((4, 6, 3), np.uint8), index, time)
    return int(backdrop.behind(frame, np.zeros((4, 6), np.uint8))[0, 0, 0])


def test_the_frame_that_is_shown_at_the_time() -> None:
    backdrop = _Filmed(Film(50))
    times = [Fraction(0), Fraction(9, 100), Fraction(1, 10), Fraction(25, 100), Fraction(49, 10), Fraction(5)]
    assert [shown(backdrop, 0, time) for time in times] == [0, 0, 1, 2, 49, 0]
    assert [shown(_Filmed(Film(5)), index) for index in (0, 3, 7)] == [0, 3, 2], "without times by number"
    assert shown(_Filmed(Film(60, rate=None)), 0, Fraction(2)) == 50, "at 25 a second"
    assert shown(_Filmed(Film(9, rate=None)), 4) == 4


def test_a_film_is_read_on_and_not_anew() -> None:
    film = Film(99)
    backdrop = _Filmed(film)
    for index in (3, 3, 4, 20, 36):
        assert shown(backdrop, index) == index
    assert film.reads == [3]
    assert film.given == 34
    assert shown(backdrop, 53) == 53
    assert film.reads == [3, 53], "more than sixteen frames on it is sought"
    assert shown(backdrop, 52) == 52
    assert film.reads == [3, 53, 52]
    backdrop.close()
    assert film.closed == 1
    _Filmed(film).close()


def test_a_film_that_ends_early_stands_still_and_an_empty_one_is_said() -> None:
    film = Film(20, found=5)
    backdrop = _Filmed(film)
    assert [shown(backdrop, index) for index in (2, 9, 19, 3)] == [2, 4, 4, 3]
    with pytest.raises(InputError, match="background film has no frame that can be decoded"):
        shown(_Filmed(Film(3, found=0)), 1)
    assert shown(_Filmed(Film(None, found=3)), 7) == 0, "a source that does not know its length: its first"


@pytest.mark.parametrize(
    ("picture", "size", "rows", "columns"),
    [
        ((4, 8), (4, 4), (0, 4), (2, 6)),
        ((8, 4), (4, 4), (2, 6), (0, 4)),
        ((4, 7), (4, 4), (0, 4), (1, 5)),
        ((8, 16), (4, 8), (0, 8), (0, 16)),
        ((3, 4), (6, 8), (0, 3), (0, 4)),
    ],
)
def test_pictures_fill_the_frame_and_are_cut_at_their_centre(picture, size, rows, columns) -> None:
    y, x = np.mgrid[: picture[0], : picture[1]]
    image = np.stack([10 * y, 10 * x, 0 * x], 2).astype(np.uint8)
    filled = _filling(image, size)
    assert filled.shape == (*size, 3)
    assert filled.flags["C_CONTIGUOUS"]
    part = image[slice(*rows), slice(*columns)]
    how = cv2.INTER_AREA if part.shape[0] >= size[0] else cv2.INTER_LINEAR
    assert np.array_equal(filled, cv2.resize(part, size[::-1], interpolation=how))


def test_pictures_of_any_shape_fill_any_frame() -> None:
    for picture in ((1, 1), (3, 500), (500, 3)):
        for size in ((5, 9), (9, 5), (1, 1)):
            assert (_filling(np.full((*picture, 3), 9, np.uint8), size) == 9).all()
            assert _filling(np.full((*picture, 3), 9, np.uint8), size).shape == (*size, 3)


def test_the_blur_is_of_the_frame_and_of_its_size() -> None:
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (97, 131, 3), np.uint8), (0, 0), 6)
    clear, backdrop = np.zeros((97, 131), np.uint8), open_backdrop("blur")
    assert backdrop is not None
    behind = backdrop.behind(Frame(picture, 0), clear)
    # A Gaussian of 3 % of the shorter side, computed at a quarter of the size.
    wanted = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.03 * 97)
    assert np.abs(behind[8:-8, 8:-8] - wanted[8:-8, 8:-8]).mean() < 1.5
    # Levels are rounded: what lies at 50 and 51 by turns is 50 or 51 as often.
    turns = (
        np.where(np.indices((97, 131)).sum(axis=0)[..., None] // 8 % 2, 50, 51).repeat(3, 2).astype(np.uint8)
    )
    assert backdrop.behind(Frame(turns, 0), clear).mean() == pytest.approx(50.5, abs=0.25)
    even = np.full((97, 131, 3), 77, np.uint8)
    for alpha in (clear, np.full_like(clear, 255), np.full_like(clear, 100)):
        assert np.abs(backdrop.behind(Frame(even, 0), alpha).astype(int) - 77).max() <= 1


def test_backdrops_are_closed(tmp_path: Path) -> None:
    assert open_backdrop("green") is None
    with open_backdrop("#a1B2c3") as backdrop:
        assert backdrop.behind(Frame(image(0), 0), np.zeros(SIZE, np.uint8))[5, 5].tolist() == [161, 178, 195]
