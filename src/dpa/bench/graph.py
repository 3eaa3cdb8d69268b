"""The network's parts inside ONNX Runtime, from its own profile: which kernel belongs to which part."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from dpa.backends.onnx import DINOV2
from dpa.backends.protocol import Memory
from dpa.bench.clip import Pictures
from dpa.bench.settings import BenchSettings
from dpa.model.appearance import appearance

_ALL_WEIGHTS = "model."
_PREFIXES = {
    "model.encoders.": "encoders",
    "model.mean": "encoders",
    "model.std": "encoders",
    "model.adapter.": "encoders",
    "model.decoder.": "decoder",
    _ALL_WEIGHTS: "attention",
}


def profile_parts(
    path: Path, given: Pictures, references: Memory, settings: BenchSettings, folder: Path
) -> dict[str, list[float]]:
    """Seconds of every part's kernels on one thread, one figure a run.

    Args:
        path: the graph.
        given: frame and flow picture at the network's size.
        references: prototypes of the reference frames.
        folder: for the files that ONNX Runtime writes.
    """
    import onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image, flow, key, value = (array[None] for array in (*given, *references))
    arrays = {"image": image, "flow": flow, "key": key, "value": value, "remember": np.array(False)}
    wanted = [i.name for i in session.get_inputs()]
    if DINOV2 in wanted:
        arrays[DINOV2] = appearance(1)(given[0])[None]
    feed = {name: np.ascontiguousarray(arrays[name]) for name in wanted}
    for _ in range(settings.warmup + settings.repeats):
        session.run(None, feed)
    events = json.loads(Path(session.end_profiling()).read_text())
    tensors = parts_of_tensors(onnx.load(str(path), load_external_data=False).graph.node)
    executed = onnx.load(str(folder / "optimized.onnx"), load_external_data=False).graph.node
    runs = _by_run(events, parts_of_nodes(executed, tensors))
    return {part: [run[part] for run in runs[settings.warmup :]] for part in set(_PREFIXES.values())}


def parts_of_tensors(nodes: Any) -> dict[str, str]:
    """The part that computes each tensor of a graph that `dpa export onnx` wrote.

    A node is of the part whose weights it reads; without weights it is of the part that computed the latest
    of its inputs.

    Args:
        nodes: of the graph, in order; each with `input` and `output`, names of tensors.
    """
    made: dict[str, tuple[int, str]] = {}
    for place, node in enumerate(nodes):
        weights = [part for name in node.input if (part := _part_of_weight(name))]
        before = [made[name] for name in node.input if name in made]
        if weights or before:
            made.update((name, (place, weights[0] if weights else max(before)[1])) for name in node.output)
    return {name: part for name, (_, part) in made.items()}


def parts_of_nodes(nodes: Any, tensors: dict[str, str]) -> dict[str, str]:
    """The part of every node of the optimised graph, by the node's name.

    Args:
        nodes: of the graph that is run; fused nodes give tensors of the graph that was exported.
        tensors: of `parts_of_tensors`; what the optimiser has put in between goes with what it reads.
    """
    known, found = dict(tensors), {}
    for node in nodes:
        names = [name for name in (*node.output, *reversed(node.input)) if name in known]
        part = known[names[0]] if names else "encoders"
        known.update((name, part) for name in node.output if name not in known)
        found[node.name] = part
    return found


def _part_of_weight(name: str) -> str | None:
    return next((part for prefix, part in _PREFIXES.items() if name.startswith(prefix)), None)


def _by_run(events: list[dict[str, Any]], parts: dict[str, str]) -> list[dict[str, float]]:
    """Seconds by part for every run of the graph, in order.

    Nodes without a name are called otherwise in the profile: they go with the node that was run before them.
    """
    runs = sorted((e["ts"], e["ts"] + e["dur"]) for e in events if e["name"] == "model_run")
    kernels = [e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")]
    found: list[dict[str, float]] = [defaultdict(float) for _ in runs]
    part = "encoders"
    for event in sorted(kernels, key=lambda e: e["ts"]):
        part = parts.get(event["name"].removesuffix("_kernel_time"), part)
        for run, (start, end) in zip(found, runs, strict=True):
            if start <= event["ts"] <= end:
                run[part] += event["dur"] / 1e6
    return found
