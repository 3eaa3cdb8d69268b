"""Transparency of the source: seen as grey, and kept in what is written."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from video_samples import close_to, make_video, picture, results, run

from dpa.video import Frame, open_sink, open_source
from dpa.video.frame import shown
from dpa.video.segmented import Segmented
from dpa.video.write.paint import painter

HIDDEN = (255, 0, 255)


def half(index: int = 0) -> np.ndarray:
    """(48, 64, 4) uint8 RGBA: the right half of a picture, the left one hidden and of a loud colour."""
    alpha = np.zeros((48, 64, 1), np.uint8)
    alpha[:, 32:] = 255
    image = np.where(alpha > 0, picture(index), np.array(HIDDEN, np.uint8))
    return np.concatenate([image, alpha], axis=2)


def make_source(path: Path, frames: int = 4) -> Path:
    """Something with transparency: a folder of PNGs, one PNG, a WebM or a ProRes."""
    if path.suffix == ".png":
        Image.fromarray(half()).save(path)
        return path
    folder = path.with_name("pictures")
    folder.mkdir()
    for index in range(frames):
        Image.fromarray(half(index)).save(folder / f"{index}.png")
    if path.suffix == "":
        return folder
    with open_source(folder) as source, open_sink(path, "alpha", source) as sink:
        for frame in source.frames():
            sink.write(Segmented(frame, np.ones((48, 64), np.float32), np.ones((48, 64), bool)))
    return path


SOURCES = ["folder", "in.png", "in.webm", "in.mov", "in.webp", "in.apng", "in.gif"]


@pytest.mark.parametrize("name", SOURCES)
def test_hidden_colours_are_seen_as_grey(tmp_path, name):
    with open_source(make_source(tmp_path / name)) as source:
        frames = list(source.frames())
        ((again, _),) = source.pairs_at([0])
    for frame in frames:
        assert close_to(frame.image[:, :28], np.full((48, 28, 3), 128, np.uint8), 3)
        assert close_to(frame.image[:, 36:], picture(frame.index)[:, 36:], 8)
        assert frame.alpha is not None
        assert frame.alpha[:, :28].max() < 8
        assert frame.alpha[:, 36:].min() > 247
    assert np.array_equal(again.alpha, frames[0].alpha)


@pytest.mark.parametrize("name", ["folder", "in.png", "in.mov"])
def test_ignored_transparency_shows_the_stored_colours(tmp_path, name):
    with open_source(make_source(tmp_path / name), alpha=False) as source:
        frame = next(source.frames())
    assert frame.alpha is None
    if name != "in.mov":
        assert np.array_equal(frame.image, half()[:, :, :3])


def test_a_webm_is_sought_with_its_alpha(tmp_path):
    with open_source(make_source(tmp_path / "in.webm", 12)) as source:
        frames = list(source.frames())
        assert source.count == 12
        for (frame, after), index in zip(source.pairs_at([7, 2, 11]), [7, 2, 11], strict=True):
            assert np.array_equal(frame.image, frames[index].image)
            assert np.array_equal(frame.alpha, frames[index].alpha)
            assert (after is None) == (index == 11)


@pytest.mark.parametrize("output", ["out", "out.webm", "out.mov", "out.apng"])
def test_what_is_written_is_no_more_opaque_than_the_source(tmp_path, output):
    kind = "rgba" if output == "out" else "alpha"
    with (
        open_source(make_source(tmp_path / "folder")) as source,
        open_sink(tmp_path / output, kind, source) as sink,
    ):
        run(source, sink)
    with open_source(tmp_path / output) as opened:
        frame = list(opened.frames())[2]
    inside = results(2)[1]
    assert frame.alpha is not None
    assert frame.alpha[:, :28].max() < 8
    assert frame.alpha[:, 34:][cv2.erode(inside.astype(np.uint8), np.ones((5, 5)))[:, 34:] > 0].min() > 200


def test_the_green_screen_is_seen_through(tmp_path):
    colours, alpha = half()[:, :, :3], half()[:, :, 3]
    image, alpha = shown(np.ascontiguousarray(colours), np.ascontiguousarray(alpha))
    frame = Frame(image, 0, alpha=alpha)
    ones = np.ones((48, 64), np.float32)
    picture_ = painter("green")(Segmented(frame, ones, ones > 0, None))
    assert np.all(picture_[:, :28] == (0, 177, 64))
    assert close_to(picture_[:, 36:], picture(0)[:, 36:], 1)


def test_opaque_pictures_have_no_alpha(tmp_path):
    opaque = np.dstack([picture(0), np.full((48, 64), 255, np.uint8)])
    Image.fromarray(opaque).save(tmp_path / "in.png")
    with open_source(tmp_path / "in.png") as source:
        frame = next(source.frames())
    assert frame.alpha is None
    assert np.array_equal(frame.image, picture(0))
    with open_source(make_video(tmp_path / "in.mp4")) as source:
        assert next(source.frames()).alpha is None
