"""Which graph or tensors run at which precision, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_samples import Exported, memory, pictures, small, unmeasured
from onnx import helper

from dpa.backends import PRECISIONS, open_backend
from dpa.backends.onnx import PRECISION, OnnxBackend
from dpa.backends.torch import TorchBackend
from dpa.errors import InputError
from onnx_samples import red_graph
from small_encoder import THREE_LAYERS


@pytest.fixture
def folder(exported: Exported, tmp_path: Path) -> Path:
    """Weights with a graph that says of itself that it is in 8 bits."""
    shutil.copytree(exported.folder, tmp_path / "weights")
    graph = onnx.load(str(exported.graph))
    helper.set_model_props(graph, {p.key: p.value for p in graph.metadata_props} | {PRECISION: "int8"})
    onnx.save(graph, str(tmp_path / "weights" / "model.int8.onnx"))
    return tmp_path / "weights"


@pytest.mark.parametrize(
    ("precision", "file"),
    [
        ("auto", "model.int8.onnx"),
        ("int8", "model.int8.onnx"),
        ("fp32", "model.onnx"),
        ("bf16", "model.safetensors"),
        ("fp16", "model.safetensors"),
    ],
)
def test_what_runs_on_a_cpu(folder: Path, precision: str, file: str) -> None:
    backend = open_backend(weights=folder, precision=precision)
    assert backend.weights == str(folder / file)
    assert backend.precision == ("int8" if precision == "auto" else precision)
    assert backend.device == "cpu"


def test_auto_is_fp32_where_there_is_no_other_graph(exported: Exported) -> None:
    for weights, name in ((exported.folder, "onnxruntime"), (exported.folder / "model.safetensors", "torch")):
        backend = open_backend(weights=weights)
        assert (backend.name, backend.precision) == (name, "fp32")


def test_without_a_graph_torch_computes_in_fp32(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    backend = open_backend(weights=folder, precision="fp32")
    assert (backend.name, backend.precision) == ("torch", "fp32")


def test_a_graph_is_known_by_its_name(folder: Path) -> None:
    for name, precision in (("model.int8.onnx", "int8"), ("model.onnx", "fp32")):
        for asked in ("auto", precision):
            assert open_backend(weights=folder / name, precision=asked).precision == precision
    (folder / "model.int8.onnx").rename(folder / "mine-int8.onnx")
    assert open_backend(weights=folder / "mine-int8.onnx", precision="int8").precision == "int8"


@pytest.mark.parametrize(
    ("file", "options", "sentence"),
    [
        ("", {"precision": "fp8"}, "unknown precision 'fp8': choose one of auto, fp32, int8, fp16, bf16"),
        ("model.onnx", {"precision": "int8"}, r"no int8 among these weights, only .*model\.onnx"),
        ("model.int8.onnx", {"precision": "fp32"}, r"no fp32 among these weights, only .*int8\.onnx"),
        ("model.onnx", {"precision": "fp16"}, "no fp16 among these weights"),
        ("model.safetensors", {"precision": "int8"}, r"no int8 among these weights, only .*safetensors"),
        ("", {"precision": "int8", "device": "cuda"}, r"int8\.onnx: an ONNX graph runs on the CPU here"),
        ("", {"precision": "int8", "compiled": True}, "a graph cannot be compiled"),
        ("model.onnx", {"compiled": True}, r"a graph cannot be compiled: give \.safetensors"),
        ("model.int8.onnx", {"device": "cuda"}, r"int8\.onnx: an ONNX graph runs on the CPU here"),
    ],
)
def test_what_is_refused(folder: Path, file: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_backend(weights=folder / file, **options)  # type: ignore[arg-type]


def test_unknown_precisions_are_refused_before_weights_are_looked_for() -> None:
    assert "auto" in PRECISIONS
    with pytest.raises(InputError, match="unknown precision ''"):
        open_backend("no such network", precision="")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_in_torch_is_near(exported: Exported, precision: str) -> None:
    frame, given = pictures(96, 128), memory(exported.model, 4)
    wanted, (own,), _ = TorchBackend(exported.model)(*frame, given, remember=True)
    found, (same,), _ = TorchBackend(exported.model, precision=precision)(*frame, given, remember=True)
    assert found.dtype == same.key.dtype == np.float32
    assert 0 < np.abs(found - wanted).mean() < 0.05
    assert own.key.shape == same.key.shape


@pytest.mark.parametrize("frames", [1, 3])
def test_graphs_of_before_still_run(exported: Exported, tmp_path: Path, frames: int) -> None:
    run = OnnxBackend(red_graph(tmp_path / "model.onnx", exported.model.config), threads=2)
    assert run.precision == "fp32"
    (images, flows), given = pictures(64, 96, frames=frames), memory(exported.model, 2)
    for remember in (True, False):
        found, own, _ = run(images, flows, given, remember=remember)
        np.testing.assert_allclose(found, images[..., 0] / 255, atol=1e-6)
        assert len(own) == (frames if remember else 0)
        assert all(np.array_equal(memory.key, given.key[:, :16]) for memory in own)


def test_compiled_is_torch(exported: Exported) -> None:
    compiled = open_backend(weights=exported.folder, compiled=True)
    assert (compiled.name, compiled.precision) == ("torch", "fp32")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_is_as_uncompiled() -> None:
    model = small(encoder=THREE_LAYERS, size=64, dim=8, neighbours=4, width=8)
    eager, compiled = (TorchBackend(model, compiled=compiled) for compiled in (False, True))
    given = memory(model, 2)
    for frame in (pictures(64, 96), pictures(64, 96, seed=1)):
        wanted, own, _ = eager(*frame, given, remember=True)
        with unmeasured():
            found, same, _ = compiled(*frame, given, remember=True)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        for x, y in zip(own, same, strict=True):
            np.testing.assert_allclose(x.key, y.key, atol=1e-3, rtol=1e-3)
