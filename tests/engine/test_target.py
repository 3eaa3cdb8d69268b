"""What the object looks like in a few frames decides in all."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from dpa.backends import Memory, Seen
from dpa.engine import target as module
from dpa.engine.config import SegmenterConfig
from dpa.engine.network import Network
from dpa.engine.references import Reference, References, Reservoir
from dpa.engine.segmenter import Segmenter
from dpa.engine.target import Moments, Target
from engine_samples import FakeBackend, make_clip, truth

H, W = 12, 16


def frame(seed: int, width: int = W) -> tuple[np.ndarray, list[np.ndarray]]:
    """Probabilities at four times the size of the finest of three features."""
    rng = np.random.default_rng(seed)
    sizes = [(3, H, width), (2, H // 2, width // 2), (4, H // 4, width // 4)]
    features = [rng.standard_normal(size, dtype=np.float32) + 5 for size in sizes]
    small = 1 / (1 + np.exp(-3 * (features[0][0] - 5)))
    return small.repeat(4, 0).repeat(4, 1).astype(np.float32), features


def maps(features: list[np.ndarray], shrink: int = 1) -> np.ndarray:
    """(C, h, w): all at the size of the finest, or at half of it."""
    size = (W // shrink, H // shrink)
    how = [cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_LINEAR]
    levels = zip(features, how, strict=True)
    return np.stack(
        [cv2.resize(plane, size, interpolation=kind) for level, kind in levels for plane in level]
    )


def test_it_is_the_weighted_ridge_regression() -> None:
    probability, features = frame(0)
    target = Moments.of(probability, features).target()
    assert target is not None
    x = maps(features, 2).reshape(9, -1).T.astype(float)
    p = cv2.resize(probability, (W // 2, H // 2), interpolation=cv2.INTER_AREA).ravel().astype(float)
    sure = abs(2 * p - 1)
    weight = np.where(p > 0.5, sure / sure[p > 0.5].sum(), sure / sure[p <= 0.5].sum()) / 2
    mean = weight @ x
    spread = weight @ (x - mean) ** 2
    # Ridge by added rows: sqrt(ridge) times each weight shall be 0.
    rows = [
        np.c_[x, np.ones(len(x))] * np.sqrt(weight)[:, None],
        np.c_[np.diag(np.sqrt(spread)), [0.0] * 9],
    ]
    wanted = np.linalg.lstsq(np.concatenate(rows), np.r_[p * np.sqrt(weight), [0.0] * 9], rcond=None)[0]
    np.testing.assert_allclose([*target.weights, target.constant], wanted, atol=2e-3)
    likeness, x = target.likeness(features), maps(features).reshape(9, -1).T
    np.testing.assert_allclose(likeness.ravel(), np.clip(x @ wanted[:-1] + wanted[-1], 0, 1), atol=5e-3)


def test_any_number_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    probability, features = frame(0)
    usual = Moments.of(probability, features)
    many = np.random.default_rng(0).standard_normal((1024, 3, 4), dtype=np.float32)
    assert Moments.of(probability, [*features[:2], many]).target() is not None
    monkeypatch.setattr(module, "_MOST_CHANNELS", 3)
    assert np.array_equal(Moments.of(probability, features).squares, usual.squares)


@given(seeds=st.lists(st.integers(0, 99), min_size=1, max_size=4))
def test_frames_add_up(seeds: list[int]) -> None:
    """Two frames say what one of both says, side by side, as far as no feature is drawn over their seam."""
    parts = [frame(seed) for seed in seeds]
    apart = Moments.sum(Moments.of(p, f[:1]) for p, f in parts)
    joined = Moments.of(
        np.concatenate([p for p, _ in parts], axis=1), [np.concatenate([f[0] for _, f in parts], axis=2)]
    )
    np.testing.assert_allclose(apart.squares, joined.squares, rtol=1e-4)
    np.testing.assert_allclose(apart.answers, joined.answers, rtol=1e-4)


@pytest.mark.parametrize("level", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_without_object_or_background_there_is_none(level: float) -> None:
    probability, features = frame(0)
    assert Moments.of(np.full_like(probability, level), features).target() is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_features_that_are_not_finite_give_none(wrong: float) -> None:
    probability, features = frame(0)
    features[2][0, 0, 0] = wrong
    assert Moments.of(probability, features).target() is None


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_scale_of_features_does_not_matter(scale: float) -> None:
    probability, features = frame(0)
    usual = Moments.of(probability, features).target()
    scaled = [np.float32(scale) * level for level in features]
    other = Moments.of(probability, scaled).target()
    assert usual is not None
    assert other is not None
    np.testing.assert_allclose(other.likeness(scaled), usual.likeness(features), atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_a_feature_that_never_changes_does_no_harm(level: float) -> None:
    probability, features = frame(0)
    features[1][:] = level
    target = Moments.of(probability, features).target()
    assert target is not None
    assert np.isfinite(target.weights).all()
    assert np.corrcoef(target.likeness(features).ravel(), probability[::4, ::4].ravel())[0, 1] > 0.9


def half() -> tuple[np.ndarray, list[np.ndarray]]:
    """The left half is the object, as all its features say too; a single one would not be trusted so far."""
    feature = np.zeros((16, H, W), np.float32)
    feature[:, :, : W // 2] = 1
    probability = 0.02 + 0.96 * feature[0].repeat(4, 0).repeat(4, 1)
    return probability.astype(np.float32), [feature]


@pytest.mark.parametrize(("columns", "wrong"), [((8, 24), 0.4), ((40, 56), 0.6)], ids=["hole", "ghost"])
def test_what_one_frame_says_otherwise_is_corrected(columns: tuple[int, int], wrong: float) -> None:
    probability, features = half()
    target = Moments.of(probability, features).target()
    assert target is not None
    mistaken = probability.copy()
    place = np.s_[16:32, columns[0] : columns[1]]
    mistaken[place] = wrong
    corrected = target.applied(mistaken, features, 3)
    assert corrected.dtype == np.float32
    assert ((corrected[place] > 0.5) == (probability[place] > 0.5)).all()
    rest = np.ones_like(probability, bool)
    rest[place] = False
    assert ((corrected > 0.5) == (probability > 0.5))[rest].all()


@given(level=st.floats(0, 1, width=32), constant=st.floats(-2, 3, width=32), strength=st.floats(0, 5))
def test_it_moves_towards_the_likeness_by_a_logit_times_the_strength(
    level: float, constant: float, strength: float
) -> None:
    target = Target(np.zeros(1, np.float32), np.float32(constant))
    given_ = np.full((8, 8), level, np.float32)
    found = target.applied(given_, [np.zeros((1, 2, 2), np.float32)], strength)
    assert ((found >= 0) & (found <= 1)).all()
    if level in (0, 1):
        assert (found == level).all()
        return
    odds = level / (1 - level) * np.exp(strength * (np.clip(constant, 0, 1) - level))
    np.testing.assert_allclose(found, odds / (1 + odds), rtol=1e-3, atol=1e-30)


def test_it_is_compared_with_what_is_said_around_a_place() -> None:
    probability = np.full((32, 32), 0.2, np.float32)
    probability[:, 16:] = 0.8
    found = Target(np.zeros(1, np.float32), np.float32(0.5)).applied(
        probability, [np.zeros((1, 32, 32), np.float32)], 3
    )
    around = gaussian_filter(probability, 1.5, mode="mirror")
    moved = np.log(found / (1 - found)) - np.log(probability / (1 - probability))
    np.testing.assert_allclose(moved, 3 * (0.5 - around), atol=0.02)


def test_all_references_count() -> None:
    memory = Memory.blank(FakeBackend().config)
    parts = [Reference(memory, *frame(seed)) for seed in (0, 1)]
    joined, first = References.join(parts).target, References.join(parts[:1]).target
    wanted = Moments.sum(Moments.of(*frame(seed)) for seed in (0, 1)).target()
    assert joined is not None
    assert wanted is not None
    assert first is not None
    assert np.array_equal(joined.weights, wanted.weights)
    assert not np.array_equal(joined.weights, first.weights)
    assert References.join([Reference(memory, frame(0)[0])]).target is None


class Looking(FakeBackend):
    """Gives brightness as its features, and loses the object in the frames `lost`."""

    has_features = True
    lost: tuple[int, ...] = ()

    def __call__(
        self, images: Any, flows: Any, references: Any, *, remember: bool = False, **wanted: Any
    ) -> Seen:
        first = len(self.calls)
        seen = super().__call__(images, flows, references, remember=remember)
        for place in range(len(images)):
            if first + place in self.lost:
                seen.probability[place] *= 0.45
        if not wanted.get("features"):
            return seen
        grey = [image.mean(axis=2, dtype=np.float32) / 255 for image in images]
        sizes = [(images.shape[2] // side, images.shape[1] // side) for side in (4, 8, 16)]
        levels = [
            [cv2.resize(one, size, interpolation=cv2.INTER_AREA)[None] for size in sizes] for one in grey
        ]
        return seen._replace(features=levels)


@pytest.mark.parametrize("ifa", [True, False], ids=["IFA", "without"])
def test_an_object_that_is_lost_in_a_frame_is_found(tmp_path: Path, ifa: bool) -> None:
    clip = make_clip(tmp_path / "clip.mkv", 9)
    missed = {}
    for target in ("auto", "off"):
        backend = Looking(ifa=ifa, batch=1)
        references = 4 if target == "auto" or ifa else 0
        backend.lost = (references + 5,)
        segmenter = Segmenter(backend=backend, target=target, smooth=0.0, refine="off", flow="dis-ultrafast")
        masks = list(segmenter.masks(clip))
        missed[target] = [float(np.mean(truth(m.index) & ~m.binary)) for m in masks]
        assert len(backend.calls) == 9 + references
    assert missed["off"][5] > 0.05, "the whole object"
    assert missed["auto"][5] < 0.02
    assert max(missed["auto"]) < 0.02


def test_live_frames_are_corrected_by_those_before(tmp_path: Path) -> None:
    frames = [
        mask.frame.image
        for mask in Segmenter(backend=FakeBackend(), flow="none").masks(make_clip(tmp_path / "clip.mkv", 6))
    ]
    backend = Looking(batch=1)
    segmenter = Segmenter(backend=backend, smooth=0.0, refine="off", flow="dis-ultrafast")
    for index, one in enumerate(frames):
        assert np.mean(segmenter.step(one).binary != truth(index)) < 0.02
        known = segmenter._stepper._references.references  # type: ignore[union-attr]
        assert known is not None
        assert known.target is not None
        assert known.memory.value.shape[1] == 2 * min(index + 1, 4), (
            "each of them is one reference, of two rows"
        )


def test_the_first_live_frame_is_corrected_too(tmp_path: Path) -> None:
    (mask,) = Segmenter(backend=FakeBackend(), flow="none").masks(make_clip(tmp_path / "clip.mkv", 1))
    steps = [
        Segmenter(backend=Looking(batch=1), target=target, refine="off").step(mask.frame.image)
        for target in ("auto", "off")
    ]
    assert not np.array_equal(steps[0].probability, steps[1].probability)


def test_a_video_begins_with_what_its_network_wants() -> None:
    config = SegmenterConfig(references=3)
    for backend, target, kind in [
        (FakeBackend(ifa=True), "off", Reservoir),
        (FakeBackend(ifa=False), "off", References),
        (Looking(ifa=False), "auto", Reservoir),
        (Looking(ifa=False), "off", References),
    ]:
        network = Network(backend, config.changed({"target": target}))
        fresh = network.start()
        assert isinstance(fresh, kind)
        assert network.refers == (kind is Reservoir)
        if isinstance(fresh, References):
            assert fresh.target is None
            assert not fresh.memory.key.any()


def test_where_a_network_gives_no_features_it_is_off() -> None:
    assert Segmenter(backend=FakeBackend()).config.target == "off"
    assert Segmenter(backend=Looking()).config.target == "auto"
    assert Segmenter(backend=Looking(), target="off").config.target == "off"


def test_no_more_channels_are_resized_at_once_than_opencv_5_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, resize = [], cv2.resize

    def spy(image: np.ndarray, *args: Any, **named: Any) -> np.ndarray:
        shapes.append(image.shape)
        return resize(image, *args, **named)

    monkeypatch.setattr(cv2, "resize", spy)
    planes = np.random.default_rng(0).random((384, 4, 6), dtype=np.float32)
    found = module._resized(planes, (8, 12))
    assert max(shape[2] for shape in shapes) <= 128
    for plane, one in zip(planes, found, strict=True):
        np.testing.assert_allclose(one, resize(plane, (12, 8)), atol=1e-6)
