"""`dpa doctor`: what is broken is seen, and does not hide the rest."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

import dpa
from dpa import doctor
from dpa.errors import WeightsError
from dpa.example import Scene


@pytest.fixture
def segments(monkeypatch: pytest.MonkeyPatch):
    """Let dpa.segment give these masks, as a default network would."""

    def give(masks: list[np.ndarray]) -> None:
        def segment(path: object) -> Iterator[SimpleNamespace]:
            return (SimpleNamespace(binary=mask) for mask in masks)

        monkeypatch.setitem(dpa.__dict__, "segment", segment)

    return give


@pytest.fixture(scope="module")
def true_masks() -> list[np.ndarray]:
    return list(Scene(frames=3).masks())


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test on a clip of as many frames."""
    monkeypatch.setattr(doctor, "SELF_TEST_FRAMES", 3)


@pytest.mark.slow
def test_good_masks_pass(segments, true_masks: list[np.ndarray], short: None) -> None:
    segments(true_masks)
    (finding,) = doctor._self_test()
    assert finding.status == "ok"
    assert "J 100.0" in finding.detail


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [lambda masks: [~mask for mask in masks], lambda masks: masks[:-1]])
def test_bad_masks_are_broken(wrong, true_masks: list[np.ndarray], segments, short: None) -> None:
    segments(wrong(true_masks))
    (finding,) = doctor._self_test()
    assert finding.status == "broken"


def test_one_illness_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def ill() -> Iterator[doctor.Finding]:
        raise WeightsError("model.onnx: damaged")

    def iller() -> Iterator[doctor.Finding]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(doctor, "_weights", ill)
    monkeypatch.setattr(doctor, "_codecs", iller)
    monkeypatch.setattr(doctor, "_self_test", lambda: iter([doctor.Finding("self-test", "x", "ok", "")]))
    findings = {finding.group: finding for finding in reversed(list(doctor.examine()))}
    assert set(findings) == {"versions", "devices", "codecs", "flow", "weights", "self-test"}
    assert findings["weights"].detail == "model.onnx: damaged"
    assert findings["codecs"].detail == "ZeroDivisionError: a bug"
    assert findings["flow"].status == "ok"


def test_a_missing_encoder_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ENCODERS", {"no_such_encoder": "nothing"})
    assert [finding.status for finding in doctor._codecs()] == ["ok", "broken"]


@pytest.mark.parametrize("status", ["ok", "broken"])
def test_verb(status: doctor.Status, command, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        doctor.Finding("codecs", "libx264", status, "video"),
        doctor.Finding("flow", "raft", "absent", ""),
    ]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    wanted = 0 if status == "ok" else 1
    code, out, _ = command("doctor")
    assert code == wanted
    assert out.splitlines()[0] == "codecs"
    code, out, _ = command("doctor", "--json")
    assert code == wanted
    assert json.loads(out)["ok"] == (status == "ok")
    assert json.loads(out)["findings"][0]["name"] == "libx264"


def test_base_installation_is_whole(base_python) -> None:
    done = base_python("-m", "dpa", "doctor", "--json")
    report = json.loads(done.stdout)
    found = {(one["group"], one["name"]): one["status"] for one in report["findings"]}
    assert found["versions", "torch"] == "absent"
    assert [name for name, status in found.items() if status == "broken"] == []
    assert done.returncode == 0
