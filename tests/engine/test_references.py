"""Which frames are references."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_samples import make_folder, make_video

from dpa.backends import Memory
from dpa.engine.references import (
    Inputs,
    Reference,
    References,
    Reservoir,
    _beside,
    _pairs,
    from_file,
    neighbours,
    reference_indices,
)
from dpa.errors import InputError
from dpa.video import open_source
from engine_samples import image, make_clip


def reference(value: float) -> Reference:
    plane = np.full((2, 3, 3), value, np.float32)
    return Reference(Memory(plane, plane), plane[0])


def kept(references: References | None) -> list[float]:
    return [] if references is None else references.memory.value[0, ::3, 0].tolist()


@given(count=st.integers(1, 10_000), n=st.integers(1, 20))
def test_indices_are_the_papers(count: int, n: int) -> None:
    indices = reference_indices(count, n)
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert indices[-1] < count
    if count >= n:
        assert indices == [i * (count // n) for i in range(n)]
    else:
        assert indices == list(range(count))


@given(count=st.integers(0, 60), n=st.integers(1, 6))
def test_a_reservoir_is_bounded_and_repeatable(count: int, n: int) -> None:
    runs = []
    for _ in range(2):
        reservoir, history = Reservoir(n), []
        assert reservoir.references is None
        for index in range(count):
            reservoir.add(reference(index))
            history.append(kept(reservoir.references))
        runs.append(history)
    assert runs[0] == runs[1]
    for index, now in enumerate(runs[0]):
        assert len(now) == len(set(now)) == min(index + 1, n)
        assert set(now) <= set(range(index + 1))


def test_a_reservoir_samples_all_of_the_past_alike() -> None:
    # One stream of numbers for all, as if 300 videos of 40 frames came one after the other.
    shared = Reservoir(1)._random
    tally: Counter[float] = Counter()
    for _ in range(300):
        reservoir = Reservoir(4)
        reservoir._random = shared
        for index in range(40):
            reservoir.add(reference(index))
        tally.update(kept(reservoir.references))
    quarters = [sum(tally[i] for i in range(start, start + 10)) for start in range(0, 40, 10)]
    assert all(abs(quarter - 300) < 75 for quarter in quarters), quarters


class Engine:
    """Stands for the engine: keeps what it was to look at as (frame, next, previous), and what to encode."""

    def __init__(self) -> None:
        self.asked: list[tuple[int | None, ...]] = []
        self.indices: list[int] = []
        self.encoded: list[list[int]] = []

    def look(self, index: int, *images: np.ndarray | None) -> Inputs:
        self.asked.append(tuple(None if i is None else (int(i[0, 0, 0]) - 10) // 2 for i in images))
        self.indices.append(index)
        picture = np.full((4, 4, 3), index, np.uint8)
        return picture, picture

    def encode(self, inputs: list[Inputs]) -> list[Reference]:
        self.encoded.append([int(picture[0, 0, 0]) for picture, _ in inputs])
        return [reference(index) for index in self.encoded[-1]]


@pytest.mark.parametrize(
    ("frames", "n", "expected"),
    [
        (9, 4, [(0, 1, None), (2, 3, None), (4, 5, None), (6, 7, None)]),
        (2, 4, [(0, 1, None), (1, None, 0)]),
        (1, 4, [(0, None, None)]),
        (3, 1, [(0, 1, None)]),
    ],
)
def test_of_a_file_with_their_neighbours(
    tmp_path: Path, frames: int, n: int, expected: list[tuple[int | None, ...]]
) -> None:
    engine = Engine()
    with open_source(make_clip(tmp_path / "clip.mkv", frames)) as source:
        found = from_file(source, n, engine.look, engine.encode)
    assert engine.asked == expected
    assert engine.indices == [asked[0] for asked in expected]
    assert engine.encoded == [engine.indices], "all at once"
    assert kept(found) == engine.indices


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ((3, 11), [(3, 4, None), (5, 6, None), (7, 8, None), (9, 10, None)]),
        ((4, 6), [(4, 5, None), (5, None, 4)]),
        ((4, 5), [(4, None, None)]),
    ],
)
def test_of_a_shot_they_do_not_look_beyond_it(
    tmp_path: Path, span: tuple[int, int], expected: list[tuple[int | None, ...]]
) -> None:
    engine = Engine()
    with open_source(make_clip(tmp_path / "clip.mkv", 12)) as source:
        found = from_file(source, 4, engine.look, engine.encode, span)
    assert engine.asked == expected
    assert kept(found) == [asked[0] for asked in expected]


def test_found_by_seeking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "clip.mp4", [image(i) for i in range(80)], options={"g": "5"})
    decoded = []
    from dpa.video.decode import Reader

    every = Reader.decoded

    def counted(reader: Reader) -> Iterator[object]:
        for picture in every(reader):
            decoded.append(picture.pts)
            yield picture

    with open_source(path) as source:
        monkeypatch.setattr(Reader, "decoded", counted)
        engine = Engine()
        from_file(source, 4, engine.look, engine.encode)
    assert len(decoded) < 30


def test_a_damaged_reference_is_left_out(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in", [f"{i}.png" for i in range(8)])
    whole = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(whole[: len(whole) // 2])
    with open_source(folder) as source:
        engine = Engine()
        assert kept(from_file(source, 4, engine.look, engine.encode)) == [0, 4, 6]


def test_without_one_that_can_be_decoded_there_are_none(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in", ["0.png", "1.png"])
    engine = Engine()
    with open_source(folder) as source:
        for picture in folder.iterdir():
            picture.write_bytes(picture.read_bytes()[:60])
        assert from_file(source, 4, engine.look, engine.encode) is None
    assert engine.encoded == []


def test_of_a_cut_file_they_are_spread_over_what_is_left(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    engine = Engine()
    with open_source(path) as source:
        count = source.count or 0
        from_file(source, 4, engine.look, engine.encode)
    assert 10 < count < 30
    assert [asked[0] for asked in engine.asked] == reference_indices(count, 4)


@pytest.mark.parametrize(
    ("index", "span", "expected"),
    [
        (0, None, (0, 1, None)),
        (1, None, (1, 2, None)),
        (4, None, (4, None, 3)),
        (0, (0, 1), (0, None, None)),
        (1, (1, 2), (1, None, None)),
        (2, (1, 3), (2, None, 1)),
        (2, (2, 4), (2, 3, None)),
        (3, (0, 4), (3, None, 2)),
    ],
)
def test_neighbours(index: int, span: tuple[int, int] | None, expected: tuple[int | None, ...]) -> None:
    with open_source(np.stack([image(k) for k in range(5)])) as source:
        if span is None:
            found = neighbours(source, index)
        else:
            (pair,) = source.pairs_at([index])
            found = _beside(source, index, pair, span)
    assert tuple(None if i is None else (int(i[0, 0, 0]) - 10) // 2 for i in found) == expected


@pytest.mark.parametrize("broken", [(), (0,), (4,), (2, 3), (0, 1, 2, 3, 4)])
def test_frames_that_cannot_be_decoded_cost_themselves_alone(broken: tuple[int, ...]) -> None:
    class Damaged:
        def pairs_at(self, indices: list[int]) -> Iterator[tuple[int, int]]:
            for index in indices:
                if index in broken:
                    raise InputError("damaged")
                yield index, index + 1

    pairs = list(_pairs(Damaged(), list(range(5))))  # type: ignore[arg-type]
    assert pairs == [(index, (index, index + 1)) for index in range(5) if index not in broken]


def test_a_picture_alone_has_no_neighbours() -> None:
    with open_source(image(0)) as source:
        assert neighbours(source, 0)[1:] == (None, None)


def test_what_does_not_get_into_a_reservoir_leaves_it_as_it_is() -> None:
    reservoir = Reservoir(2)
    last, kept_ones = reservoir.references, 0
    for index in range(200):
        reservoir.add(reference(index))
        changed = index in kept(reservoir.references)
        assert (reservoir.references is last) != changed
        last, kept_ones = reservoir.references, kept_ones + changed
    # 2 + 2/3 + 2/4 + ...: about 11.
    assert 5 < kept_ones < 20
