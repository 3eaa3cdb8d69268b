"""What a stage does in a repeat."""

from typing import Any

import numpy as np
import pytest

from dpa.bench import stages
from dpa.bench.settings import BenchSettings
from engine_samples import FakeBackend, LooksAtDinov2, brightness

REPEATS = {"warmup": 0, "repeats": 3, "seconds": 600.0}


@pytest.mark.parametrize(
    ("backend", "settings", "looks", "frames"),
    [
        (LooksAtDinov2(2), {"dinov2_every": 5}, 3, 3 * 6),
        (LooksAtDinov2(2), {}, 0, 3 * 2),  # it looks itself
        (FakeBackend(batch=2), {"dinov2_every": 5}, 0, 3 * 2),
        (FakeBackend(batch=2), {"target": "dinov2"}, 3 * 2, 3 * 2),
    ],
)
def test_how_often_dinov2_looks(
    monkeypatch: pytest.MonkeyPatch, backend: FakeBackend, settings: dict[str, Any], looks: int, frames: int
) -> None:
    looked = []

    def look(image: np.ndarray) -> np.ndarray:
        looked.append(image)
        return brightness(image)

    picture = np.zeros((64, 96, 3), np.uint8)
    monkeypatch.setattr(stages, "_open", lambda settings: (backend, "made up"))
    monkeypatch.setattr(stages, "pictures", lambda *_: [(picture, picture)])
    monkeypatch.setattr(stages, "appearance", lambda threads: look)
    measured = stages.network(BenchSettings(video="clip", **REPEATS | settings))
    assert len(looked) == looks
    assert len(backend.calls) == 1 + frames, "the reference's prototypes, and the frames of three repeats"
    assert len(measured.seconds) == 3
