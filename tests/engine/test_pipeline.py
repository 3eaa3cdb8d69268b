"""The stages of a video: what they are given, what of it comes out, and how a mask is finished."""

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from dpa.engine.config import SegmenterConfig
from dpa.engine.flow import FlowInput, _in_shots
from dpa.engine.frame_data import FrameData
from dpa.engine.kept import Kept
from dpa.engine.network import Network, _grouped
from dpa.engine.part import Part
from dpa.engine.pipeline import Pipeline, _centred, _until, coarse, finish
from dpa.engine.references import References
from dpa.engine.results import Mask, Summary
from dpa.engine.segmenter import Segmenter
from dpa.engine.threads import Clock
from dpa.engine.writing import fill
from dpa.errors import InputError
from dpa.video.frame import Frame
from dpa.video.range import Range
from dpa.video.read import open_source
from engine_samples import FakeBackend, image, make_clip


def data(index: int = 0, probability: Any = None, wanted: bool = True, shot: int = 0) -> FrameData:
    picture = np.full((8, 12, 3), index, np.uint8)
    levels = None if probability is None else np.float32(probability)
    return FrameData(Frame(picture, index, shot=shot), picture, None, wanted, levels)


def config(**settings: Any) -> SegmenterConfig:
    return SegmenterConfig(device="cpu", target="off", **settings)


def pipeline(source: Any, batch: int | None = 4, kept: Kept | None = None, **settings: Any) -> Pipeline:
    backend = None if batch is None else FakeBackend(batch=batch)
    chosen = config(**settings)
    motion: Any = None
    return Pipeline(source, motion, backend, chosen, Clock(), kept)


@pytest.mark.parametrize(
    ("batch", "every", "live", "expected"),
    [
        (4, 1, False, 4),
        (16, 1, False, 16),
        (17, 1, False, 16),
        (16, 4, False, 4),
        (16, 5, False, 3),
        (16, 50, False, 1),
        (4, 1, True, 1),
        (None, 1, False, 1),
    ],
)
def test_sixteen_frames_wait_at_most(batch: int | None, every: int, live: bool, expected: int) -> None:
    source = SimpleNamespace(live=live)
    assert pipeline(source, batch, every=every)._together == expected


@pytest.mark.parametrize(
    ("start", "part", "settings", "expected"),
    [
        (0, None, {}, (0, None)),
        (5, None, {"smooth": 0.0}, (4, None)),
        (8, None, {"smooth": 0.0}, (8, None)),
        (8, None, {}, (4, None)),
        (0, Part(4, 8), {"smooth": 0.0}, (4, 8)),
        (0, Part(4, 8), {}, (0, 12)),
        (6, Part(4, 8), {"smooth": 0.0}, (4, 8)),
        (0, Part(16, 20), {}, (12, None)),
        (0, Part(0, 20), {}, (0, None)),
    ],
)
def test_what_the_network_sees_for_a_part(
    start: int, part: Part | None, settings: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    source = SimpleNamespace(live=False, count=20)
    start = start if part is None else max(start, part.start)
    assert pipeline(source, **settings)._reach(start, part) == expected


def test_a_live_source_has_no_parts() -> None:
    source = SimpleNamespace(live=True, count=None, name="camera")
    assert pipeline(source)._reach(0, None) == (0, None)
    with pytest.raises(InputError, match="camera is live: no part of it can be read alone"):
        pipeline(source)._reach(0, Part(0, 2))


def test_frames_are_taken_until_the_end_that_is_wanted() -> None:
    taken = []

    def frames() -> Generator[FrameData, None, None]:
        for index in range(3, 9):
            taken.append(index)
            yield data(index)

    assert [one.frame.index for one in _until(frames(), 5)] == [3, 4]
    assert taken == [3, 4, 5]
    assert [one.frame.index for one in _until(frames(), None)] == list(range(3, 9))


def test_single_frames_are_found_by_seeking(tmp_path: Path) -> None:
    segmenter = Segmenter(backend=FakeBackend(batch=2))
    with open_source(make_clip(tmp_path / "a.mkv", 9)) as source:
        made = segmenter._pipeline(source, Clock(), None)
        masks = list(made.masks_at([7, 0, 8]))
    assert [mask.index for mask in masks] == [7, 0, 8]
    assert all(np.array_equal(mask.frame.image, image(mask.index)) for mask in masks)
    whole = {
        mask.index: mask for mask in Segmenter(backend=FakeBackend(), smooth=0.0).masks(tmp_path / "a.mkv")
    }
    for mask in masks:
        assert np.array_equal(mask.probability, whole[mask.index].probability)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.75])
def test_probabilities_are_centred_on_the_threshold(threshold: float) -> None:
    levels = np.float32([0, threshold / 2, threshold, (1 + threshold) / 2, 1])
    assert _centred(levels, threshold) == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=1e-6)
    assert _centred(levels, threshold).dtype == np.float32
    assert _centred(levels, 0.5) is levels


def test_a_mask_is_made_at_the_frames_size() -> None:
    small = np.float32([[0.2, 0.4, 0.8], [0.2, 0.6, 0.8]])
    mask = finish(data(3, small), config(refine="off", threshold=0.45))
    assert np.array_equal(mask.probability, cv2.resize(small, (12, 8), interpolation=cv2.INTER_LINEAR))
    assert np.array_equal(mask.binary, mask.probability > 0.45)
    assert (mask.index, mask.alpha, mask.flow) == (3, None, None)
    assert np.array_equal(mask.flow_picture, mask.frame.image)
    assert np.array_equal(coarse(data(3, small), config(refine="off", threshold=0.45)), small > 0.45)


def test_stretching_is_to_the_whole_range_and_not_for_nothing() -> None:
    small = np.float32([[0.2, 0.4], [0.3, 0.6]])
    mask = finish(data(0, small), config(refine="off", normalise=True))
    large = cv2.resize(small, (12, 8), interpolation=cv2.INTER_LINEAR)
    assert np.allclose(mask.probability, (large - 0.2) / 0.4, atol=1e-6)
    even = finish(data(0, np.full((2, 3), 0.4)), config(refine="off", normalise=True))
    assert not even.probability.any(), "no number is divided by nothing"


def weak(size: int = 20) -> np.ndarray:
    """A sure object, and a weak one."""
    picture = np.zeros((size, size), np.float32)
    picture[2:8, 2:8], picture[12:18, 12:18] = 0.99, 0.6
    return picture


def test_weak_regions_go_but_for_what_the_frames_beside_know() -> None:
    assert not coarse(data(0, weak()), config())[15, 15]
    assert coarse(data(0, weak()), config(refine="off"))[15, 15]
    sure = weak()
    sure[12:18, 12:18] = 0.99
    known = FrameData(Frame(np.zeros((20, 20, 3), np.uint8), 0), weak(), probability=weak(), beside=(sure,))
    assert coarse(known, config())[15, 15]
    assert not coarse(known, config(normalise=True))[15, 15], "stretched ones do not compare"
    # Sure is 0.75 where the threshold is one half: half of what lies above it.
    above = np.where(weak() == np.float32(0.6), np.float32(0.84), weak())
    assert not coarse(data(0, above), config(threshold=0.7))[15, 15]
    assert coarse(data(0, above), config(threshold=0.6))[15, 15]


def test_cut_outs_have_the_refined_edge_where_they_are_to() -> None:
    large = cv2.resize(weak(), (96, 64))
    refined, ramp = (finish(data(0, large), config(alpha=alpha)) for alpha in ("refined", "ramp"))
    assert refined.alpha is not None
    assert np.array_equal(refined.binary, refined.alpha > 127)
    assert ramp.alpha is None
    assert np.array_equal(ramp.binary, refined.binary)


@pytest.mark.parametrize(("size", "expected"), [(1, [[0, 1], [2], [3, 4, 5]]), (2, [[0, 1, 2], [3, 4, 5]])])
def test_groups_are_of_frames_that_are_wanted(size: int, expected: list[list[int]]) -> None:
    frames = [data(k, wanted=k in (1, 2, 5)) for k in range(6)]
    assert [[one.frame.index for one in group] for group in _grouped(frames, size)] == expected
    rest = [*frames, data(6), data(7), data(8, wanted=False)]
    assert [one.frame.index for one in list(_grouped(rest, 1))[-1]] == [8]


def test_the_network_says_something_of_what_it_is_to_see_only() -> None:
    network = Network(FakeBackend(batch=2), config())
    frames = [data(k, wanted=k % 2 == 0) for k in range(5)]
    references = References.join(network.remember([network.inputs(frames[0].frame.image, frames[0].picture)]))
    clock = Clock()
    seen = list(network.probabilities(frames, 2, references, clock))
    assert [one.frame.index for one in seen] == list(range(5))
    assert [one.probability is not None for one in seen] == [True, False, True, False, True]
    assert set(clock.seconds) == {"network"}
    blind = list(network.probabilities([data(0, wanted=False)], 2, references, clock))
    assert blind[0].probability is None


def test_images_beside_a_frame_in_its_shot() -> None:
    frames = [Frame(np.full((1, 1, 3), k, np.uint8), k, shot=k > 2) for k in range(5)]
    found = [
        tuple(None if i is None else int(i[0, 0, 0]) for i in (before, frame.image, after))
        for before, frame, after in _in_shots(frames)
    ]
    assert found == [(None, 0, 1), (0, 1, 2), (1, 2, None), (None, 3, 4), (3, 4, None)]
    assert list(_in_shots([])) == []


def test_given_pictures_need_an_entry_a_frame() -> None:
    source: Any = SimpleNamespace(count=3, name="a")
    for given, words in (([None] * 2, "a: 2 flow pictures for 3 frames"), ([], "a: 0 flow pictures for 3")):
        with pytest.raises(InputError, match=words):
            FlowInput(source, None, config(), Clock(), given)
    FlowInput(source, None, config(), Clock(), [None] * 3)


class Sink:
    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.written: list[tuple[int, int]] = []

    def write(self, segmented: Any) -> None:
        self.written.append((segmented.frame.index, int(segmented.frame.image[0, 0, 0])))


class Masks:
    """Stands for a pipeline of ten frames."""

    def masks(self, start: int = 0, part: Part | None = None) -> Generator[Mask, None, None]:
        self.asked = start, part
        end = 10 if part is None else part.end
        for index in range(start if part is None else max(start, part.start), end):
            plane = np.zeros((2, 2), bool)
            yield Mask(plane, plane.astype(np.float32), Frame(np.full((2, 2, 3), index, np.uint8), index))


def filled(source: Any, starts: list[int], part: Part | None = None) -> tuple[Any, ...]:
    sinks, made, told, summary, clock = [Sink(start) for start in starts], Masks(), [], Summary(), Clock()
    some: Any = made
    several: Any = sinks
    fill(several, source, some, clock, summary, lambda *now: told.append(now), part)
    return made, told, summary, sinks, clock


@pytest.fixture
def ten() -> Any:
    with open_source(np.stack([np.full((2, 2, 3), k, np.uint8) for k in range(10)])) as source:
        yield source


def test_masks_are_written_from_the_first_frame_that_is_missing(ten: Any) -> None:
    made, told, summary, sinks, clock = filled(ten, [7, 8])
    assert made.asked == (7, None)
    assert told == [(7, 10), (8, 10), (9, 10), (10, 10)]
    assert summary.frames == 3
    assert [sink.written for sink in sinks] == [[(7, 7), (8, 8), (9, 9)]] * 2
    assert len(summary.shots) == 1
    assert "write" in clock.seconds
    assert filled(ten, [])[0].asked == (0, None)


def test_where_nothing_is_missing_the_network_sees_nothing(ten: Any) -> None:
    made, told, summary, _, _ = filled(ten, [10])
    assert not hasattr(made, "asked")
    assert told == [(10, 10)]
    assert summary.frames == 0


def test_a_part_is_written_under_its_own_numbers(ten: Any) -> None:
    made, told, summary, sinks, _ = filled(ten, [0], Part(3, 5))
    assert made.asked == (0, Part(3, 5))
    assert sinks[0].written == [(3, 3), (4, 4)]
    assert told == [(0, 10), (4, 10), (5, 10)]
    assert len(summary.shots) == 1


def test_a_range_is_a_video_of_its_own(ten: Any) -> None:
    made, told, summary, sinks, _ = filled(Range(ten, 3, 6), [0])
    assert made.asked == (0, Part(3, 6))
    assert sinks[0].written == [(0, 3), (1, 4), (2, 5)]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert (summary.frames, summary.shots) == (3, [])


def test_kept_probabilities_are_files_a_frame(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "a" / "kept")
    assert not kept.whole
    levels = np.random.default_rng(0).random((3, 5), dtype=np.float32)
    frames = [data(0, levels), data(1), data(2, levels / 2)]
    assert list(kept.record(frames)) == frames
    assert sorted(path.name for path in kept.folder.iterdir()) == ["0000000.p", "0000002.p"]
    replayed = list(kept.replay([data(k) for k in range(3)]))
    assert np.array_equal(replayed[0].probability, levels)
    assert replayed[1].probability is None
    assert np.array_equal(replayed[2].probability, levels / 2)
    kept.close(3)
    assert kept.whole


def test_kept_probabilities_are_packed(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    y, x = np.mgrid[:100, :200]
    kept.put(5, np.float32(1 / (1 + np.exp(-(40 - np.hypot(y - 50, x - 90)) / 6))))
    assert (tmp_path / "0000005.p").stat().st_size < 0.55 * 4 * 20000
