"""Regions picked by a click, taken out or put in, and followed along the flow."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_samples import make_video

from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Corrected, Correction
from dpa.engine.flow import FlowInput
from dpa.engine.frame_data import FrameData
from dpa.engine.kept import Kept
from dpa.engine.pick import to_add, to_remove
from dpa.engine.pipeline import Pipeline, coarse
from dpa.engine.segmenter import Segmenter
from dpa.engine.threads import Clock
from dpa.engine.track import Tracker
from dpa.errors import InputError
from dpa.flow.estimator import make_estimator
from dpa.video.frame import Frame
from dpa.video.read import open_source

SIZE, COUNT, STEP = (96, 160), 12, 3
CONFIG = SegmenterConfig(flow="dis", flow_size=None, smooth=0.0, device="cpu")


def squares(index: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: the object below, and what is above it, which both move to the right."""
    object_, rock = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    left = 20 + STEP * index
    object_[55:85, left : left + 40] = True
    rock[10:38, left : left + 36] = True
    return object_, rock


def picture(index: int) -> np.ndarray:
    texture = np.random.default_rng(0).integers(60, 130, (*SIZE, 3), np.uint8)
    inner = np.random.default_rng(1).integers(0, 120, (*SIZE, 3), np.uint8)
    shown = texture.copy()
    moved = cv2.GaussianBlur(np.roll(inner, STEP * index, axis=1), (0, 0), 1.0)
    for region, colour in zip(squares(index), ((170, 30, 30), (30, 30, 170)), strict=True):
        shown[region] = np.clip(moved[region] // 2 + np.array(colour), 0, 255)
    return shown


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("squares") / "clip.mkv"
    return make_video(path, [picture(k) for k in range(COUNT)], codec="ffv1", pixel_format="bgr0")


class Video:
    """A clip with probabilities of one's own."""

    def __init__(self, clip: Path, kept: Path, seen: "tuple[bool, ...] | bool" = True) -> None:
        self.kept = Kept(kept)
        for index in range(COUNT):
            object_, rock = squares(index)
            sees = seen if isinstance(seen, bool) else seen[index]
            probability = 0.02 + 0.96 * (object_ | (rock & sees))
            self.kept.put(index, probability.astype(np.float32))
        self.kept.close(COUNT)
        self.source = open_source(clip)

    def pipeline(self, edit: Corrected | None = None) -> Pipeline:
        motion = FlowInput(self.source, make_estimator("dis", "cpu"), CONFIG, Clock())
        return Pipeline(self.source, motion, None, CONFIG, Clock(), self.kept, edit)

    def frame(self, index: int) -> FrameData:
        with closing(self.pipeline().settled(self.pipeline().known(index))) as frames:
            return next(data for data in frames if data.frame.index == index)


@pytest.fixture
def video(clip: Path, tmp_path: Path) -> Iterator[Video]:
    video = Video(clip, tmp_path / "kept")
    yield video
    video.source.close()


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.slow
def test_a_click_removes_the_component_under_it_in_all_frames(
    video: Video, tmp_path: Path, clip: Path
) -> None:
    _, rock = squares(6)
    region = to_remove(coarse(video.frame(6), CONFIG), 56 / 160, 24 / 96)
    assert overlap(region, rock) > 0.8
    correction = Correction(tmp_path / "0-remove")
    correction.put(6, region)
    Tracker(video.pipeline(), CONFIG, correction).follow(6)
    assert correction.frames == list(range(COUNT))
    edit = Corrected([correction], CONFIG.threshold)
    for mask in video.pipeline(edit).masks():
        object_, rock = squares(mask.index)
        assert not (mask.binary & rock).any()
        assert overlap(mask.binary, object_) > 0.9
    # The same by the way of a run.
    segmenter = Segmenter(CONFIG)
    segmenter.write(clip, [(tmp_path / "out", "mask")], kept=video.kept, edit=edit)
    with open_source(tmp_path / "out") as written:
        assert all(not frame.image[..., 0][squares(frame.index)[1]].any() for frame in written.frames())


def test_a_click_adds_what_moves_along(clip: Path, tmp_path: Path) -> None:
    video = Video(clip, tmp_path / "unseen", seen=False)
    data = video.frame(6)
    _, rock = squares(6)
    assert data.probability is not None
    region = to_add(data.probability, coarse(data, CONFIG), data.frame.image, 56 / 160, 24 / 96)
    assert overlap(region, rock) > 0.8
    correction = Correction(tmp_path / "0-add")
    correction.put(6, region)
    Tracker(video.pipeline(), CONFIG, correction).follow(6)
    assert correction.frames == list(range(COUNT))
    for mask in video.pipeline(Corrected([correction], CONFIG.threshold)).masks():
        object_, rock = squares(mask.index)
        assert overlap(mask.binary, object_ | rock) > 0.8, mask.index
    video.source.close()


def test_following_goes_on_over_a_flicker_and_not_over_a_merger(clip: Path, tmp_path: Path) -> None:
    flickers = tuple(index not in (7, 8) for index in range(COUNT))
    video = Video(clip, tmp_path / "flickers", seen=flickers)
    correction = Correction(tmp_path / "0-remove")
    correction.put(6, squares(6)[1])
    Tracker(video.pipeline(), CONFIG, correction).follow(6)
    assert correction.frames == [0, 1, 2, 3, 4, 5, 6, 9, 10, 11]
    object_, rock = squares(9)
    joined = object_ | rock
    joined[30:56, 60:70] = True
    video.kept.put(9, (0.02 + 0.96 * joined).astype(np.float32))
    merged = Correction(tmp_path / "1-remove")
    merged.put(6, squares(6)[1])
    Tracker(video.pipeline(), CONFIG, merged).follow(6)
    assert merged.frames[-1] == 6
    video.source.close()


def test_a_click_beside_a_thin_part_takes_it_and_one_far_away_does_not() -> None:
    mask = np.zeros((90, 120), bool)
    mask[40, 20:100] = True
    assert to_remove(mask, 0.5, 42 / 90).sum() > 80
    with pytest.raises(InputError, match="there is nothing of the object there"):
        to_remove(mask, 0.5, 0.9)
    with pytest.raises(InputError, match=r"from 0 to 1, not as 1.5, 0.2"):
        to_remove(mask, 1.5, 0.2)


def test_what_the_network_half_sees_is_added_as_it_sees_it() -> None:
    probability = np.full((90, 120), 0.01, np.float32)
    probability[20:40, 30:60] = 0.4
    mask, image = np.zeros((90, 120), bool), np.zeros((90, 120, 3), np.uint8)
    region = to_add(probability, mask, image, 0.3, 0.3)
    assert np.array_equal(region, probability > 0.3)
    mask[20:40, 30:60] = True
    with pytest.raises(InputError, match="that is the object already"):
        to_add(probability, mask, image, 0.3, 0.3)
    with pytest.raises(InputError, match="nothing there stands apart"):
        to_add(np.zeros((90, 120), np.float32), np.zeros((90, 120), bool), image, 0.3, 0.3)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_probabilities_are_turned_over_at_the_threshold(tmp_path: Path, threshold: float) -> None:
    levels = np.linspace(0, 1, 21, dtype=np.float32)[None]
    data = FrameData(
        Frame(np.zeros((1, 21, 3), np.uint8), 4), np.zeros((1, 21, 3), np.uint8), probability=levels
    )
    for name, above in (("a-add", True), ("b-remove", False)):
        correction = Correction(tmp_path / f"{threshold}{name}")
        correction.put(4, np.ones((1, 21), bool))
        changed = Corrected([correction], threshold)(data).probability
        assert changed is not None
        right = levels > threshold if above else levels <= threshold
        assert np.array_equal(changed[right], levels[right])
        assert ((changed >= np.float32(threshold)) if above else (changed <= np.float32(threshold))).all()
        assert 0 <= changed.min() <= changed.max() <= 1
    elsewhere = FrameData(Frame(data.frame.image, 5), data.picture, probability=levels)
    assert Corrected([correction], threshold)(elsewhere) is elsewhere
