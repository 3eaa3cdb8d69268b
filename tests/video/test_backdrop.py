"""What stands behind the object."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from video_samples import make_video

from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.read import open_source
from dpa.video.segmented import Segmented
from dpa.video.write.backdrop import open_backdrop
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
