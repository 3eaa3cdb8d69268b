"""Half precision, and numerics that must not drift."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from model_samples import build, pair, remember

from dpa.model.dpa import DPA

GOLDEN = Path(__file__).with_name("golden.json")
HALVES = [torch.float16, torch.bfloat16]


@pytest.fixture(scope="module", params=HALVES, ids=str)
def half(request: pytest.FixtureRequest) -> DPA:
    return build().to(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@torch.inference_mode()
def test_constant_pictures_give_no_nan_in_half(half: DPA, value: float) -> None:
    x = torch.full((1, 3, 50, 70), value, dtype=half.mean.dtype)
    features = half.encode(x, x)
    references = half.reference(features)
    assert all(r.isfinite().all() for r in references)
    assert all(p.isfinite().all() for p in half.segment(features, references))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", HALVES, ids=str)
@torch.inference_mode()
def test_constant_pictures_give_no_nan_under_autocast(tiny: DPA, dtype: torch.dtype) -> None:
    x = torch.full((1, 3, 64, 64), 0.5)
    with torch.autocast("cpu", dtype):
        features = tiny.encode(x, x)
        predictions = tiny.segment(features, tiny.reference(features))
    assert all(p.isfinite().all() for p in predictions)


@pytest.mark.slow
@torch.inference_mode()
def test_a_silent_network_gives_no_nan_in_half() -> None:
    """All weights zero: prototypes and features of norm zero."""
    model = build()
    for p in model.parameters():
        p.zero_()
    model.half()
    x = torch.rand(1, 3, 64, 64).half()
    features = model.encode(x, x)
    assert model.segment(features, model.reference(features))[-1].isfinite().all()


def golden_values(model: DPA) -> dict[str, list[float]]:
    """A few numbers that depend on every weight."""
    with torch.inference_mode():
        references = remember(model, 2, 64, 96)
        predictions = model.segment(model.encode(*pair(1, 64, 96)), references)
    values = {f"probability{i}": x[0, 0, 8::16, 8::16].flatten() for i, x in enumerate(predictions)}
    values |= {
        "key": references.key[0, :, ::5, ::5].flatten(),
        "value": references.value[0, :, ::5, ::5].flatten(),
    }
    return {name: [round(float(v), 6) for v in tensor] for name, tensor in values.items()}


def test_numerics_do_not_drift(tiny: DPA) -> None:
    """Made by `python tests/model/test_precision.py`: only when the network is meant to change."""
    golden = json.loads(GOLDEN.read_text())
    found = golden_values(tiny)
    assert found.keys() == golden.keys()
    for name, values in golden.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-4, err_msg=name)
        assert np.std(values) > 1e-3, name  # alive


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden_values(build())) + "\n")
