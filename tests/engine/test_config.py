"""The settings of a segmentation: one place, checked there, and the same for everybody who takes them."""

from dataclasses import FrozenInstanceError, asdict, fields
from inspect import signature
from typing import get_type_hints

import pytest

from dpa.cli.bench import bench
from dpa.cli.predict import predict
from dpa.cli.segment import segment
from dpa.engine.config import OF_MASKS, SegmenterConfig, Settings, worded
from dpa.errors import InputError
from dpa.model.config import DPAConfig

NAMES = [field.name for field in fields(SegmenterConfig)]


def test_keywords_of_the_api_are_the_settings() -> None:
    hints = {field.name: field.type for field in fields(SegmenterConfig)}
    assert get_type_hints(Settings) == hints | {"quality": str}


def test_every_verb_has_an_option_for_every_setting() -> None:
    for verb in (segment, predict, bench):
        assert {*NAMES, "quality"} <= set(signature(verb).parameters)


def test_it_cannot_be_changed_behind_ones_back() -> None:
    config = SegmenterConfig()
    with pytest.raises(FrozenInstanceError):
        config.size = 256  # type: ignore[misc]
    assert asdict(config.changed({"size": 256})) == asdict(config) | {"size": 256}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"threshold": 0.0}, "between 0 and 1, not 0.0"),
        ({"threshold": 1.0}, "between 0 and 1, not 1.0"),
        ({"threshold": float("nan")}, "between 0 and 1, not nan"),
        ({"references": 0}, "at least one reference"),
        ({"size": 63}, "at least 64 pixels, not 63"),
        ({"flow_size": 15}, "at least 16 pixels, not 15"),
        ({"flow_floor": -1.0}, "0 pixels or more, not -1.0"),
        ({"flow_floor": float("inf")}, "0 pixels or more, not inf"),
        ({"smooth": -0.5}, "0 or more, not -0.5"),
        ({"smooth": float("nan")}, "0 or more, not nan"),
        ({"smooth": 1e308}, "1000 at most, not 1e\\+308"),
        ({"size": 100_000}, "the working size can be 8192 pixels at most, not 100000"),
        ({"flow_size": 100_000}, "the flow's size can be 8192 pixels at most, not 100000"),
        ({"every": 2.5}, "every must be a whole number, not 2.5"),
        ({"every": None}, "every must be a whole number, not None"),
        ({"size": "320"}, "size must be a whole number, not '320'"),
        ({"threshold": "half"}, "threshold must be a number, not 'half'"),
        ({"mirror": "no"}, "mirror must be True or False, not 'no'"),
        ({"model": None}, "model must be a word, not None"),
        ({"every": 0}, "every n-th, not every 0"),
        ({"threads": -1}, "threads must be"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"flow": "raft"}, "unknown flow estimator 'raft'"),
        ({"quality": "better"}, "unknown quality 'better': choose fast, good, best"),
        ({"treshold": 0.5}, "no setting 'treshold'; did you mean 'threshold'"),
    ],
)
def test_what_cannot_be_is_said(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SegmenterConfig().changed(settings)


def test_the_ends_of_the_ranges_are_in_them() -> None:
    SegmenterConfig(size=64, references=1, flow_size=16, flow_floor=0.0, smooth=0.0, every=1, threads=0)


def test_what_is_left_to_the_network() -> None:
    own = DPAConfig(size=320, references=3, keep_aspect=True)
    decided = SegmenterConfig().for_network(own)
    assert (decided.size, decided.references, decided.keep_aspect) == (320, 3, True)
    asked = SegmenterConfig(size=128, references=2, keep_aspect=False)
    assert asked.for_network(own) == asked
    assert asked.working_size((90, 160)) == (128, 128)
    with pytest.raises(InputError, match="for_network"):
        SegmenterConfig(size=128).working_size((90, 160))


def test_a_quality_is_a_word_for_settings_and_these_win() -> None:
    usual, best = SegmenterConfig(), SegmenterConfig(model="dpa-base", target="dinov2")
    assert usual.changed({"quality": "good"}) == usual
    assert usual.changed({"quality": "best"}) == best
    assert best.changed({"quality": "fast"}) == SegmenterConfig(every=2)
    assert usual.changed({"quality": "fast", "every": 3}) == SegmenterConfig(every=3)
    assert worded({"every": 4}) == {"every": 4}, "without the word nothing is changed"


def test_the_record_of_masks() -> None:
    record = SegmenterConfig(every=3).of_masks()
    assert set(record) == set(OF_MASKS)
    assert record["every"] == 3


def test_the_network_is_called_by_its_weights_where_they_are_given() -> None:
    assert SegmenterConfig().name == "dpa-mobile"
    assert SegmenterConfig(weights="mine").name == "mine"


def test_what_is_set_without_saying_so() -> None:
    config = SegmenterConfig()
    assert (config.flow_size, config.threshold, config.smooth, config.every, config.shots) == (
        384,
        0.5,
        0.5,
        1,
        "off",
    )
    assert (config.normalise, config.compiled, config.threads, config.flow_floor) == (False, False, 0, 0)
    assert (config.size, config.references, config.keep_aspect, config.weights) == (None, None, None, None)
    assert (config.refine, config.alpha, config.flow, config.device, config.precision) == (
        "auto",
        "refined",
        "auto",
        "auto",
        "auto",
    )


def test_flow_is_what_masks_are_propagated_along() -> None:
    SegmenterConfig(flow="none", every=1)
    with pytest.raises(InputError, match="masks cannot be propagated without flow: leave out --every"):
        SegmenterConfig(flow="none", every=2)
    with pytest.raises(InputError, match="unknown alpha 'hard': choose refined or ramp"):
        SegmenterConfig(alpha="hard")
