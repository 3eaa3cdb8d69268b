"""A network at work: what it gives beside its own."""

from dataclasses import replace

import numpy as np
import pytest

from dpa.backends import Memory, Seen
from dpa.engine.config import SegmenterConfig
from dpa.engine.network import Network
from dpa.engine.references import Inputs
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from engine_samples import FakeBackend, LooksAtDinov2, brightness


class Constant:
    """Says of every frame its mean level, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked += 1
        return np.full((2, 1, 1), image.mean(), np.float32)


class Featured(FakeBackend):
    has_features = True

    def __call__(self, images, flows, references, *, remember=False, features=False, dinov2=None) -> Seen:
        seen = super().__call__(images, flows, references, remember=remember)
        return seen._replace(features=[[np.zeros((3, 8, 8), np.float32)] for _ in images] if features else [])


@pytest.mark.parametrize("network", [Featured, FakeBackend])
def test_dinov2_s_features_come_last_and_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, network: type[FakeBackend]
) -> None:
    inner, constant = network(batch=2), Constant()
    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: constant)
    seeing = Network(inner, SegmenterConfig(target="dinov2"))
    pictures = [np.full((64, 96, 3), level, np.uint8) for level in (10, 200)]
    given, blank = [Inputs(picture, picture) for picture in pictures], Memory.blank(inner.config)
    plain = seeing._see(given, blank, remember=True, features=False)
    assert plain.features == []
    assert constant.asked == 0
    seen = seeing._see(given, blank, remember=True, features=True)
    assert np.array_equal(seen.probability, plain.probability)
    assert len(seen.own) == 2
    assert [len(features) for features in seen.features] == [int(inner.has_features) + 1] * 2
    assert [float(features[-1].mean()) for features in seen.features] == [10, 200]


def test_a_network_that_looks_at_dinov2_gives_its_features_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, constant = Featured(batch=2), Constant()
    inner.config = replace(inner.config, dinov2=True)
    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: constant)
    picture = np.zeros((64, 96, 3), np.uint8)
    seen = Network(inner, SegmenterConfig(target="dinov2"))._see(
        [Inputs(picture, picture)], Memory.blank(inner.config), features=True
    )
    assert [len(features) for features in seen.features] == [1]
    assert constant.asked == 0


def test_a_target_is_learnt_without_features_that_came_along_the_flow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: brightness)
    picture = np.zeros((64, 96, 3), np.uint8)
    counts = []
    for every in (1, 4):
        seeing = Network(LooksAtDinov2(), SegmenterConfig(dinov2_every=every))
        (reference,) = seeing.remember([Inputs(picture, picture)])
        counts.append(len(reference.features))
    assert counts == [2, 1]


def test_networks_without_dinov2_are_as_they_were() -> None:
    seeing = Network(FakeBackend(), SegmenterConfig(dinov2_every=4))
    assert seeing.dinov2_every == 1
    assert seeing.carried() is None


def test_dinov2_s_target_wants_every_frame() -> None:
    with pytest.raises(InputError, match="leave dinov2_every at 1, or target at auto"):
        Segmenter(backend=FakeBackend(), target="dinov2", dinov2_every=4)
