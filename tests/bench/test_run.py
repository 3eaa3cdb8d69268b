"""Whole measurements: tiny networks, tiny videos."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from model_samples import build
from video_samples import make_folder

from dpa.bench import run, stages, worker
from dpa.bench.measure import Measured
from dpa.bench.run import run_stages, run_ways
from dpa.bench.settings import BenchSettings
from dpa.errors import DPAError, InputError, WeightsError
from small_encoder import SMALL_ENCODER

STAGES = ["decode", "flow", "network", "encoders", "attention", "decoder", "smooth", "write", "end to end"]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> BenchSettings:
    folder = tmp_path_factory.mktemp("bench")
    build(encoder=SMALL_ENCODER).save_pretrained(folder / "weights")
    make_folder(folder / "clip", [f"{i:05d}.png" for i in range(6)], size=(96, 128))
    return BenchSettings(
        video=str(folder / "clip"),
        weights=str(folder / "weights"),
        size=64,
        flow="dis-ultrafast",
        threads=1,
        frames=4,
        repeats=3,
        matrix=64,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("stages_here")
def test_all_stages(settings: BenchSettings) -> None:
    told: list[str] = []
    report = run_stages(settings, told.append)
    figures = report.to_dict()
    assert list(figures["stages"]) == STAGES
    for name, stage in figures["stages"].items():
        assert stage["milliseconds"]["median"] > 0
        assert stage["milliseconds"]["repeats"] == 3
        assert stage["peak_memory_mib"] > 10
        counted = name in ("network", "encoders", "attention", "decoder", "end to end")
        assert (stage["gflop_per_frame"] is not None) == counted
        assert (stage["share_of_matrix_rate"] is not None) == counted
    gflop = {name: stage["gflop_per_frame"] for name, stage in figures["stages"].items()}
    assert sum(gflop[part] for part in ("encoders", "attention", "decoder")) == pytest.approx(
        gflop["network"]
    )
    assert gflop["network"] == figures["flops"]["cached"] / 1e9
    assert (figures["network"]["precision"], figures["network"]["batch"]) == ("fp32", 1)
    # Four frames, and as many references.
    assert gflop["end to end"] == pytest.approx(2 * gflop["network"])
    assert figures["network"]["backend"] == "torch"
    assert figures["network"]["input_size"] == [64, 64]
    assert figures["matrix_product"]["library"] == "torch"
    assert {"decode", "flow", "network", "part encoders", "whole"} <= set(told)


@pytest.mark.slow
@pytest.mark.usefixtures("stages_here")
def test_the_papers_way(settings: BenchSettings) -> None:
    report = run_ways(settings)
    figures = report.to_dict()
    assert list(figures["stages"]) == ["paper way", "cached way"]
    compared = figures["comparison"]
    assert compared["difference"] <= 1e-5
    assert compared["pixels"] <= 1e-3
    assert compared["flop_ratio"] > 1.5
    assert compared["flop_ratio"] == pytest.approx(figures["flops"]["paper"] / figures["flops"]["cached"])
    assert report.comparison is not None
    report.comparison.check()


def test_frames_that_are_not_seen_cost_flow_alone(
    settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"backend": "onnxruntime", "weights": "w", "config": {"ifa": True}, "references": 4}
    facts["input_size"] = [64, 64]
    measured = {
        "flow": Measured([1.0] * 3, flops=1e9),
        "network": Measured([1.0] * 3, facts=facts),
        "whole": Measured([1.0] * 3, facts={"frames": 16}),
    }
    monkeypatch.setattr(run, "_ask", lambda stage, *_, **__: measured.get(stage, Measured([1.0] * 3)))
    monkeypatch.setattr(run, "_parts", lambda *_: {})
    monkeypatch.setattr(run, "_flops", lambda *_: {"cached": 8e9})
    for every, share in ((1, 1), (4, 1 / 4)):
        figures = run_stages(replace(settings, flow="raft-large", every=every)).to_dict()["stages"]
        # A quarter more for the references, which need their flow too.
        assert figures["end to end"]["gflop_per_frame"] == pytest.approx(8 * (share + 1 / 4) + 1 + 1 / 4)
        assert figures["network"]["gflop_per_frame"] == 8


@pytest.mark.process
def test_what_a_process_cannot_use_is_one_sentence(settings: BenchSettings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4"):
        run_stages(replace(settings, video=str(tmp_path / "gone.mp4")))
    with pytest.raises(WeightsError, match="no network is called 'dpa-mobil'"):
        run_stages(replace(settings, weights=None, model="dpa-mobil"))


def test_a_network_without_weights_has_no_8_bits() -> None:
    with pytest.raises(InputError, match="no weights of dpa-vgg16 are here, so no graph in int8"):
        stages._open(BenchSettings(video="clip", model="dpa-vgg16", precision="int8"))


@pytest.mark.process
def test_a_process_that_dies_is_told(settings: BenchSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpa.bench.run.sys.executable", "/bin/false")
    with pytest.raises(DPAError, match="measuring machine ended with code 1"):
        run_stages(settings)


@pytest.mark.slow
def test_without_ifa_there_is_nothing_to_keep(tmp_path: Path, settings: BenchSettings) -> None:
    build(encoder=SMALL_ENCODER, ifa=False).save_pretrained(tmp_path / "weights")
    asked = asdict(settings) | {"weights": str(tmp_path / "weights")}
    request = {"stage": "way", "settings": asked, "options": {"name": "cached", "folder": str(tmp_path)}}
    (tmp_path / "request.json").write_text(json.dumps(request))
    assert worker.main(str(tmp_path / "request.json"), str(tmp_path / "result.json")) == 1
    answer = json.loads((tmp_path / "result.json").read_text())
    assert "no IFA" in answer["error"]
    assert answer["kind"] == "InputError"
