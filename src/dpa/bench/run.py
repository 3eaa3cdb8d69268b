"""All stages, each in a process of its own, gathered into one report."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dpa.bench.measure import Measured
from dpa.bench.report import Comparison, Report, Row
from dpa.bench.settings import PARTS, BenchSettings
from dpa.errors import DPAError, InputError, MissingExtra, WeightsError

Progress = Callable[[str], None]
"""Called with what is measured next."""

_KINDS = {"InputError": InputError, "WeightsError": WeightsError}
_RANDOM = "the weights are random: there are none of this model here; speed does not depend on them"


def run_stages(settings: BenchSettings, progress: Progress = lambda stage: None) -> Report:
    """Measure decode, flow, the network and its parts, write, and end to end.

    Raises:
        DPAError: the video, the network or the device cannot be used; an InputError as a rule.
    """
    report = Report(settings, _ask("machine", settings, progress).facts)
    decoded, flow = (_ask(stage, settings, progress) for stage in ("decode", "flow"))
    network = _ask("network", settings, progress)
    report.network = network.facts
    library = "torch" if network.facts["backend"] == "torch" else "numpy"
    report.rate = _ask("rate", settings, progress, library=library).facts
    parts = _parts(settings, report, progress)
    counted = _flops(settings, report, progress)
    if settings.smooth or settings.every > 1:
        smoothed = [Row("smooth", _ask("smooth", settings, progress, size=network.facts["input_size"]))]
    else:
        smoothed = []
    written, whole = (_ask(stage, settings, progress) for stage in ("write", "whole"))
    report.rows += [Row("decode", decoded), Row("flow", flow)]
    network.flops = counted.get("cached")
    report.rows.append(Row("network", network))
    for name, measured in parts.items():
        measured.flops = counted.get(name)
        report.rows.append(Row(name, measured, indent=1))
    if network.flops and (flow.flops or not settings.flow.startswith("raft")):
        # References are encoded once, by a graph that segments them too.
        n = min(network.facts["references"], whole.facts["frames"])
        share = n / whole.facts["frames"] if network.facts["config"]["ifa"] else 0
        seen = 1 / settings.every  # by the network; the flow is that of every frame
        whole.flops = network.flops * (seen + share) + (flow.flops or 0) * (1 + share)
    report.rows += [*smoothed, Row("write", written), Row("end to end", whole)]
    if network.facts["weights"] == "random":
        report.notes.append(_RANDOM)
    return report


def run_ways(settings: BenchSettings, progress: Progress = lambda stage: None) -> Report:
    """Measure the paper's way and the cached way, compare their masks and give the ratio.

    Raises:
        MissingExtra: torch is not installed.
        InputError: at a precision that torch has not.
        DPAError: see `run_stages`.
    """
    if find_spec("torch") is None:
        raise MissingExtra("dpa bench --paper-way")
    if settings.precision == "int8":
        raise InputError("the two ways are computed in torch, which has no int8: choose another precision")
    report = Report(settings, _ask("machine", settings, progress).facts)
    report.rate = _ask("rate", settings, progress, library="torch").facts
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            name: _ask("way", settings, progress, name=name, folder=folder) for name in ("paper", "cached")
        }
        found = {name: np.load(Path(folder) / f"{name}.npy") for name in ways}
    report.network = ways["cached"].facts | {"backend": "torch"}
    counted = _flops(settings, report, progress)
    for name, measured in ways.items():
        measured.flops = counted.get(name)
        report.rows.append(Row(f"{name} way", measured))
    report.comparison = Comparison.of(found, ways, counted, settings.in_precision)
    if report.network["weights"] == "random":
        report.notes.append(_RANDOM)
    return report


def _parts(settings: BenchSettings, report: Report, progress: Progress) -> dict[str, Measured]:
    if report.network["backend"] == "torch":
        return {name: _ask("part", settings, progress, name=name) for name in PARTS}
    if find_spec("onnx") is None:
        report.notes.append(f"encoders, attention and decoder apart: {MissingExtra('that')}")
        return {}
    found = _ask("graph", settings, progress).facts["parts"]
    report.notes.append(
        "encoders, attention and decoder: time inside ONNX Runtime's kernels, by its own profile; their "
        "memory is not known apart"
    )
    return {name: Measured(found[name]) for name in PARTS}


def _flops(settings: BenchSettings, report: Report, progress: Progress) -> dict[str, float]:
    if find_spec("torch") is None:
        report.notes.append(f"FLOPs: {MissingExtra('counting them')}")
        return {}
    facts = report.network
    asked = {"config": facts["config"], "size": facts["input_size"], "references": facts["references"]}
    report.flops = _ask("flops", settings, progress, **asked).facts["flops"]
    return report.flops


def _ask(stage: str, settings: BenchSettings, progress: Progress, **options: Any) -> Measured:
    """Measure one stage in a process of its own."""
    progress(" ".join([stage, *(str(v) for k, v in options.items() if k == "name")]))
    with tempfile.TemporaryDirectory() as folder:
        request, result = Path(folder) / "request.json", Path(folder) / "result.json"
        asked = {"stage": stage, "settings": asdict(settings), "options": options}
        request.write_text(json.dumps(asked), "utf-8")
        command = [sys.executable, "-m", "dpa.bench.worker", str(request), str(result)]
        done = subprocess.run(
            command,
            check=False,
            env=_environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if not result.is_file():
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            raise DPAError(f"measuring {stage} ended with code {done.returncode}: {said[-1]}")
        answer = json.loads(result.read_text("utf-8"))
    if "error" in answer:
        raise _KINDS.get(answer["kind"], DPAError)(answer["error"])
    return Measured(**answer)


def _environment(settings: BenchSettings) -> dict[str, str]:
    if not settings.threads:
        return dict(os.environ)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return os.environ | dict.fromkeys(names, str(settings.threads))
