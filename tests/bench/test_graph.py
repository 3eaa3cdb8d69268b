"""Which kernel of ONNX Runtime belongs to which part of the network."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from graph_samples import Exported, memory, pictures

from dpa.bench.graph import parts_of_nodes, parts_of_tensors, profile_parts
from dpa.bench.settings import BenchSettings


def node(name: str, inputs: str, outputs: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, input=inputs.split(), output=outputs.split())


GRAPH = [
    node("const", "", "two"),
    node("cast", "model.decoder.fuse.weight_half", "model.decoder.fuse.weight"),
    node("conv1", "image model.encoders.0.stages.0.weight", "f4"),
    node("relu1", "f4", "f4r"),
    node("squeeze", "f4r model.squeeze4.0.weight", "x"),
    node("softmax", "x two", "p"),
    node("fuse", "f4r p", "fused"),
    node("conv5", "fused model.encoders.0.stages.4.weight", "f5"),
    node("conv6", "f4r f5 model.decoder.fuse.weight", "d"),
    node("up", "d two", "probability"),
]


def test_a_node_goes_with_its_weights_or_with_the_latest_of_its_inputs() -> None:
    parts = parts_of_tensors(GRAPH)
    assert "two" not in parts
    wanted = {"f4": "encoders", "f4r": "encoders", "x": "attention", "p": "attention", "fused": "attention"}
    wanted |= {"f5": "encoders", "d": "decoder", "probability": "decoder"}
    assert {name: parts[name] for name in wanted} == wanted


def test_fused_and_inserted_nodes() -> None:
    executed = [
        node("conv1+relu1", "image w1", "f4r"),
        node("reorder", "f4r", "f4r_reordered"),
        node("squeeze_nchwc", "f4r_reordered w2", "x"),
        node("reorder2", "x", "x_reordered"),
        node("softmax", "x_reordered", "p"),
    ]
    parts = parts_of_nodes(executed, parts_of_tensors(GRAPH))
    assert list(parts.values()) == ["encoders", "encoders", "attention", "attention", "attention"]


@pytest.mark.slow
def test_a_real_graph(exported: Exported, tmp_path: Path) -> None:
    (image,), (flow,) = pictures(96, 128)
    settings = BenchSettings(video="clip", threads=1, repeats=3, warmup=1)
    found = profile_parts(exported.graph, (image, flow), memory(exported.model, 4), settings, tmp_path)
    assert set(found) == {"encoders", "attention", "decoder"}
    for seconds in found.values():
        assert len(seconds) == 3
        assert np.all(np.array(seconds) > 0)
