"""Cuts are found where pictures are joined, and nowhere else."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from video_samples import picture

from dpa.errors import InputError
from dpa.video import Frame, open_source
from dpa.video.shots import found_cuts, listed_cuts, read_cuts


def scene(number: int, index: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """A picture of one of many scenes, which pans by two pixels a frame."""
    rng = np.random.default_rng(number)
    colours = rng.integers(20, 235, (12, 3))
    blocks = np.repeat(np.repeat(colours[rng.integers(0, 12, (8, 40))], 16, 0), 16, 1)
    noise = np.random.default_rng(index).normal(0, 3, (size[0], size[1], 3))
    left = 2 * index % 400
    return np.clip(blocks[: size[0], left : left + size[1]] + noise, 0, 255).astype(np.uint8)


def frames(images: list[np.ndarray]) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(image, index, Fraction(index, 25))


def cuts(images: list[np.ndarray]) -> list[int]:
    """Where shots start; all frames must come through in order."""
    found = list(found_cuts(frames(images)))
    assert [frame.index for frame, _ in found] == list(range(len(images)))
    return [frame.index for frame, starts in found if starts]


@pytest.mark.parametrize("lengths", [[30], [10, 30, 20], [8] * 12, [3, 40, 4]])
def test_joined_scenes(lengths):
    images = [scene(number, i) for number, length in enumerate(lengths) for i in range(length)]
    assert cuts(images) == [0, *np.cumsum(lengths)[:-1].tolist()]


def test_a_shot_and_its_return():
    images = [scene(number % 2, i) for number in range(4) for i in range(12)]
    assert cuts(images) == [0, 12, 24, 36]


@pytest.mark.parametrize("length", [12, 25])
def test_fades_and_dissolves_are_no_cuts(length):
    fade = [np.round(scene(0, i) * (1 - i / length)).astype(np.uint8) for i in range(length)]
    rise = [np.round(scene(1, i) * (i / length)).astype(np.uint8) for i in range(length)]
    before, after = [scene(0, 0)] * 10, [scene(1, length)] * 10
    assert cuts([*before, *fade, *rise, *after]) == [0]
    mix = [
        np.round(scene(0, i) * (1 - i / length) + scene(1, i) * (i / length)).astype(np.uint8)
        for i in range(length)
    ]
    assert cuts([*before, *mix, *after]) == [0]


@pytest.mark.parametrize("length", [1, 2, 4])
def test_flashes_are_no_cuts(length):
    images = [scene(0, i) for i in range(30)]
    for index in range(12, 12 + length):
        images[index] = np.clip(images[index].astype(int) + 150, 0, 255).astype(np.uint8)
    assert cuts(images) == [0]


def test_flat_colours_that_change_slowly_are_no_cut():
    assert cuts([np.full((96, 128, 3), 6 * i, np.uint8) for i in range(40)]) == [0]


def test_quick_motion_is_no_cut():
    rng = np.random.default_rng(0)
    wide = np.repeat(np.repeat(rng.integers(0, 255, (6, 60, 3)), 16, 0), 16, 1).astype(np.uint8)
    assert cuts([wide[:, 24 * i : 24 * i + 128] for i in range(30)]) == [0]


def test_frames_wait_only_where_something_looks_like_a_cut():
    asked = 0

    def counted() -> Iterator[Frame]:
        nonlocal asked
        for frame in frames([scene(0, i) for i in range(10)] + [scene(1, i) for i in range(10)]):
            asked += 1
            yield frame

    ahead = [asked - frame.index - 1 for frame, _ in found_cuts(counted())]
    assert ahead[:10] == [0] * 10
    assert max(ahead) == 5
    assert ahead[-4:] == [0] * 4


def test_frames_that_wait_at_the_end_are_judged_and_given():
    assert cuts([scene(0, i) for i in range(6)] + [scene(1, i) for i in range(2)]) == [0, 6]


def test_listed_cuts(tmp_path):
    (tmp_path / "cuts.txt").write_text("# the starts\n5\n\n0:00.5\n00:00:00.81\n")
    starts = read_cuts(tmp_path / "cuts.txt")
    assert starts == [5, Fraction(1, 2), Fraction(81, 100)]
    found = listed_cuts(frames([picture(i) for i in range(30)]), starts)
    assert [frame.index for frame, here in found if here] == [0, 5, 13, 21]
    assert read_cuts(_file(tmp_path, "1:02:03.5")) == [Fraction(7447, 2)]


def _file(tmp_path, text):
    (tmp_path / "one.txt").write_text(text)
    return tmp_path / "one.txt"


@pytest.mark.parametrize("text", ["soon", "-3", "1:2:3:4", "1,5"])
def test_a_list_with_something_else(tmp_path, text):
    with pytest.raises(InputError, match=r'one\.txt, line 1: ".*" is neither'):
        read_cuts(_file(tmp_path, text))
    with pytest.raises(InputError, match="cannot be read"):
        read_cuts(tmp_path / "gone.txt")


@pytest.mark.real
def test_real_sequences_joined(shared):
    folders = sorted(path / "RGB" for path in (shared / "data" / "DAVIS_dev").iterdir() if path.is_dir())
    images, starts = [], []
    for folder in folders:
        starts.append(len(images))
        with open_source(folder) as source:
            images += [frame.image for frame in source.frames()]
    assert cuts(images) == starts
