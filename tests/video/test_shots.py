"""Cuts are found where pictures are joined, and nowhere else."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from video_samples import picture

from dpa.errors import InputError
from dpa.video import Frame, open_source
from dpa.video.shots import _is_cut, _Seen, distance, found_cuts, listed_cuts, look_at, read_cuts


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


def seen(number: int, step: float) -> _Seen:
    """A frame of a scene of one colour."""
    return _Seen(None, look_at(np.full((54, 72, 3), (number * 61 % 256, 40, 200), np.uint8)), step)


def is_cut(past: list[tuple[int, float]], waiting: list[tuple[int, float]]) -> bool:
    return _is_cut(deque(seen(*one) for one in past), deque(seen(*one) for one in waiting))


def test_a_cut_stands_out_from_two_steps_on_both_sides():
    calm = [(0, 0.0)] * 3
    assert is_cut(calm, [(1, 0.6), (1, 0.0), (1, 0.0)])
    assert not is_cut(calm, [(1, 0.19), (1, 0.0), (1, 0.0)])
    assert is_cut(calm, [(1, 0.2), (1, 0.0)])
    assert is_cut(calm, [(1, 0.75), (1, 0.25)]), "three times as high"
    assert not is_cut(calm, [(1, 0.6), (1, 0.21)])
    assert not is_cut(calm, [(1, 0.6), (1, 0.0), (1, 0.21)])
    assert is_cut(calm, [(1, 0.6), (1, 0.0), (1, 0.0), (1, 0.21)])
    assert not is_cut([(0, 0.0), (0, 0.0), (0, 0.21)], [(1, 0.6)])
    assert not is_cut([(0, 0.0), (0, 0.21), (0, 0.0)], [(1, 0.6)])
    assert is_cut([(0, 0.21), (0, 0.0), (0, 0.0)], [(1, 0.6)])
    assert is_cut([(0, 0.9)], [(1, 0.9)]) is False, "the first frame of all has a step too"


def test_what_comes_back_is_a_flash():
    calm = [(0, 0.0)] * 3
    assert not is_cut(calm, [(1, 0.6), (1, 0.0), (0, 0.0)])
    assert not is_cut([(1, 0.0), (0, 0.0), (0, 0.0)], [(1, 0.6), (1, 0.0)])
    # The frame just before is what it is compared with, not a flash's other side.
    assert is_cut([(2, 0.0), (1, 0.0)], [(0, 0.6), (0, 0.0)])


def test_pictures_are_looked_at_in_54_rows():
    for size, expected in (
        ((54, 72), (54, 72)), ((1080, 1920), (54, 96)), ((30, 10), (54, 18)), ((200, 1), (54, 1))
    ):  # fmt: skip
        look = look_at(np.full((*size, 3), (10, 130, 250), np.uint8))
        assert look.small.shape == (*expected, 3)
        assert look.colours.shape == (216,)
        # Six bins a channel: 10 is in the first one, 130 in the fourth, 250 in the last.
        assert look.colours.nonzero()[0].tolist() == [0 * 36 + 3 * 6 + 5]
        assert look.colours.sum() == pytest.approx(1)


def test_distance_is_the_share_that_has_other_colours():
    one = np.full((54, 72, 3), 20, np.uint8)
    other = one.copy()
    other[:27] = 200
    assert distance(look_at(one), look_at(other)) == pytest.approx(0.5)
    assert distance(look_at(one), look_at(one + np.uint8(180))) == pytest.approx(1)
    # Flat colours that change their bin together are the same for all that.
    assert distance(look_at(one + np.uint8(22)), look_at(one + np.uint8(23))) == 0
    assert distance(look_at(one), look_at(one + np.uint8(19))) == 0
    assert distance(look_at(one + np.uint8(10)), look_at(one + np.uint8(30))) == pytest.approx(1), "20 levels"


def test_numbers_and_times_are_told_apart(tmp_path):
    for text, expected in (("7", 7), ("7.0", 7), ("1:00", 60), ("2:03", 123), ("1:00:01", 3601)):
        (start,) = read_cuts(_file(tmp_path, f"  {text} \n"))
        assert start == expected
        assert isinstance(start, int) == (text == "7")


def test_times_that_are_listed_start_the_first_frame_not_before_them():
    def starts(times):
        shown = [Frame(picture(0), k, Fraction(k, 10)) for k in range(6)]
        return [frame.index for frame, here in listed_cuts(shown, times) if here]

    assert starts([]) == [0]
    assert starts([Fraction(2, 10)]) == [0, 2]
    assert starts([Fraction(21, 100)]) == [0, 3]
    assert starts([Fraction(4, 10), Fraction(1, 10), Fraction(11, 100)]) == [0, 1, 2, 4]
    assert starts([Fraction(11, 100), Fraction(12, 100), 4]) == [0, 2, 4]
    silent = [Frame(picture(0), k) for k in range(3)]
    assert [here for _, here in listed_cuts(silent, [Fraction(1), 2])] == [True, False, True]
