"""Validation during training finds what `dpa predict` and `dpa evaluate` find."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dpa.bench.network import randomise
from dpa.datasets import Sequence, find_sequences
from dpa.evaluate.run import evaluate
from dpa.model.dpa import DPA
from dpa.predict import Prediction
from dpa.train.data.read import read_image
from dpa.train.validate import validate
from small_encoder import SMALL_ENCODER

SMALL = {"encoder": SMALL_ENCODER, "dim": 16, "neighbours": 4}


@pytest.fixture
def model(data: Path) -> DPA:
    """A network whose masks are neither empty nor full: it takes half of a frame for the object."""
    torch.manual_seed(0)
    made = DPA("dpa-mobile", size=64, **SMALL).eval()
    randomise(made)
    (video,) = find_sequences(data / "validation", masks=True)
    frame = torch.from_numpy(read_image(video.images[1])).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        features = made.encode(frame, torch.ones_like(frame))
        found = made.segment(features, made.reference(features))[-1]
        made.decoder.refine[-1].predict.bias -= found.logit().median()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["validation", "videos"], ids=["computed flow", "flow pictures"])
def test_the_score_is_that_of_predict_and_evaluate(
    data: Path, tmp_path: Path, model: DPA, folder: str
) -> None:
    sequences = [one for one in find_sequences(data / folder, masks=True) if len(one.images) > 2]
    assert sequences
    scores, _ = validate(model, sequences)
    model.save_pretrained(tmp_path / "weights")
    plain = {"smooth": 0.0, "refine": "off", "target": "off", "mirror": False, "device": "cpu"}
    job = Prediction(data / folder, tmp_path / "out", weights=tmp_path / "weights", **plain)
    job.run()
    assert job.failed == {}
    report = evaluate(tmp_path / "out" / "binary", data / folder)
    measured = {one.name: one.figures["J"] for one in report.sequences}
    assert scores == pytest.approx({name: measured[name] for name in scores}, abs=1e-6)
    assert any(0 < score < 1 for score in scores.values())


def test_a_short_videos_references_are_its_frames_once(
    data: Path, model: DPA, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole, *_) = find_sequences(data / "validation", masks=True)
    three = Sequence("three", whole.images[:3], whole.masks[:3], whole.flows[:3])
    seen: list[int] = []
    from dpa.engine.references import reference_indices

    def watched(count: int, n: int) -> list[int]:
        seen.extend(reference_indices(count, n))
        return reference_indices(count, n)

    monkeypatch.setattr("dpa.engine.references.reference_indices", watched)
    scores, pictures = validate(model, [three])
    assert seen == [0, 1, 2]
    assert 0 <= scores["three"] <= 1
    assert pictures["three"].dtype == np.uint8
