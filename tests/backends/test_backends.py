"""Which network runs, on what, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_samples import Exported, memory, pictures, small
from onnx import TensorProto, helper

from dpa.backends import Memory, open_backend
from dpa.backends.onnx import METADATA, OnnxBackend
from dpa.backends.torch import TorchBackend
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError, WeightsError


def test_a_folder_gives_the_graph_on_cpus(exported: Exported) -> None:
    backend = open_backend(weights=exported.folder)
    assert (backend.name, backend.device) == ("onnxruntime", "cpu")
    assert backend.weights == str(exported.graph)


def test_a_name_gives_its_weights(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DPA_HOME", str(tmp_path))
    shutil.copytree(exported.folder, tmp_path / "weights" / "mine")
    assert open_backend("mine").name == "onnxruntime"
    (tmp_path / "weights" / "mine" / "model.onnx").unlink()
    backend = open_backend("mine", threads=1)
    assert backend.name == "torch"
    assert backend.weights == str(tmp_path / "weights" / "mine" / "model.safetensors")
    with pytest.raises(WeightsError, match="no network is called 'mina'"):
        open_backend("mina")


def test_files_are_taken_by_their_ending(exported: Exported) -> None:
    assert open_backend(weights=exported.graph).name == "onnxruntime"
    assert open_backend(weights=exported.folder / "model.safetensors").name == "torch"


def test_both_backends_agree(exported: Exported) -> None:
    image, flow = pictures(96, 128)
    given = memory(exported.model, 4)
    found = [
        open_backend(weights=exported.folder / file)(image, flow, given, remember=True)
        for file in ("model.onnx", "model.safetensors")
    ]
    (a, (own_a,), _), (b, (own_b,), _) = found
    assert a.shape == b.shape == (1, 96, 128)
    assert a.dtype == b.dtype == np.float32
    assert a.min() >= 0
    assert a.max() <= 1
    assert np.abs(a - b).max() <= 1e-4
    for x, y in zip(own_a, own_b, strict=True):
        assert x.dtype == y.dtype == np.float32
        assert x.shape == y.shape == (2, 16, 16)


def test_a_frames_own_memory_is_a_reference(exported: Exported) -> None:
    backend = open_backend(weights=exported.graph)
    image, flow = pictures(64, 64)
    _, (own,), _ = backend(image, flow, Memory.blank(backend.config), remember=True)
    others = backend(*pictures(64, 64, 1, frames=2), own, remember=True)[1]
    joined = Memory.join([own, *others])
    assert joined.key.shape == (2, 48, 16)
    assert np.isfinite(backend(image, flow, joined)[0]).all()


def test_networks_without_motion_or_references_do_not_look_at_them() -> None:
    model = small(motion=False, ifa=False)
    backend = TorchBackend(model)
    image, flow = pictures(64, 64)
    first, own, _ = backend(image, flow, Memory.blank(model.config), remember=True)
    second = backend(image, 255 - flow, memory(small(), 2)).probability
    assert np.array_equal(first, second)
    assert own == []


def test_a_last_odd_frame_loads_nothing(exported: Exported) -> None:
    backend = OnnxBackend(exported.graph, threads=2)
    given = memory(exported.model, 1)
    for frames in (2, 1, 2, 1):
        backend(*pictures(64, 64, frames=frames), given)
    assert list(backend._sessions) == [1]
    for _ in range(2):
        backend(*pictures(64, 64), given)
    assert list(backend._sessions) == [1, 2]


@pytest.mark.parametrize("file", ["model.onnx", "model.safetensors"])
def test_frames_together_are_as_each_alone(exported: Exported, file: str) -> None:
    backend, given = open_backend(weights=exported.folder / file, threads=2), memory(exported.model, 3)
    images, flows = pictures(96, 128, frames=5)
    together, own, _ = backend(images, flows, given, remember=True)
    assert together.shape == (5, 96, 128)
    assert np.ptp(together, axis=0).max() > 0.05  # the frames differ
    for index, memory_ in enumerate(own):
        frame = images[index, None], flows[index, None]
        alone, (its,), _ = backend(*frame, given, remember=True)
        np.testing.assert_allclose(together[index], alone[0], atol=1e-4)
        for x, y in zip(memory_, its, strict=True):
            np.testing.assert_allclose(x, y, atol=1e-3, rtol=1e-3)
    assert len(own) == 5


@pytest.mark.parametrize("file", ["model.onnx", "model.safetensors"])
def test_what_is_not_asked_for_does_not_come(exported: Exported, file: str) -> None:
    backend, given = open_backend(weights=exported.folder / file), memory(exported.model, 2)
    images, flows = pictures(64, 96, frames=2)
    asked, own, _ = backend(images, flows, given, remember=True)
    unasked, none, _ = backend(images, flows, given)
    np.testing.assert_allclose(unasked, asked, atol=1e-6)
    assert (len(own), none) == (2, [])


def test_arrays_of_any_layout(exported: Exported) -> None:
    images, flows = pictures(64, 96, frames=2)
    given = memory(exported.model, 1)
    turned = np.ascontiguousarray(images.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    assert not turned.flags.c_contiguous
    for file in ("model.onnx", "model.safetensors"):
        backend = open_backend(weights=exported.folder / file)
        assert np.array_equal(backend(turned, flows, given)[0], backend(images, flows, given)[0])


@pytest.mark.parametrize(("threads", "batch"), [(1, 1), (2, 2), (3, 3), (8, 8), (32, 8)])
def test_frames_side_by_side(exported: Exported, threads: int, batch: int) -> None:
    assert OnnxBackend(exported.graph, threads).batch == batch


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="gone: no such weights file or folder"):
        open_backend(weights=tmp_path / "gone")
    with pytest.raises(WeightsError, match=r"neither model\.onnx nor model\.safetensors is in it"):
        open_backend(weights=tmp_path)
    with pytest.raises(WeightsError, match="no such weights file"):
        OnnxBackend(tmp_path / "gone.onnx")


def test_a_graph_does_not_run_on_a_gpu(exported: Exported) -> None:
    with pytest.raises(InputError, match=r"runs on the CPU here; give \.safetensors or --device cpu"):
        open_backend(weights=exported.graph, device="cuda")


@pytest.mark.parametrize("keep", [0, 100, 100_000])
def test_truncated_graphs(exported: Exported, tmp_path: Path, keep: int) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(exported.graph.read_bytes()[:keep])
    with pytest.raises(
        WeightsError, match=r"model\.onnx: (truncated, or not an ONNX graph|an ONNX graph, but)"
    ):
        open_backend(weights=file)


def foreign(path: Path, **metadata: str) -> Path:
    """A graph of somebody else's."""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in "xy")
    model = helper.make_model(helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y]))
    model.opset_import[0].version = 18
    model.ir_version = 10
    helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


def test_a_graph_with_names_that_are_no_text_is_refused_in_silence(tmp_path: Path, capfd) -> None:
    whole = foreign(tmp_path / "g.onnx", **{METADATA: "{}"}).read_bytes()
    for name in (METADATA.encode(), b"Relu", b"\n\x01x"):
        (tmp_path / "g.onnx").write_bytes(whole.replace(name, name[:-1] + b"\xff"))
        with pytest.raises(WeightsError, match=r"g\.onnx: truncated, or not an ONNX graph"):
            open_backend(weights=tmp_path / "g.onnx")
    assert capfd.readouterr() == ("", "")


def test_foreign_graphs(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"g\.onnx: an ONNX graph, but not one written by `dpa export onnx`"
    ):
        open_backend(weights=foreign(tmp_path / "g.onnx"))
    for text in ("{", "[]", '{"other": 1}', '{"dim": "a"}'):
        with pytest.raises(WeightsError, match=r"g\.onnx: .*; export it again"):
            open_backend(weights=foreign(tmp_path / "g.onnx", **{METADATA: text}))


@pytest.mark.gpu
def test_a_gpu_agrees_in_half_precision(exported: Exported) -> None:
    image, flow = pictures(96, 128)
    given = memory(exported.model, 4)
    on_gpu = open_backend(weights=exported.folder, device="cuda")
    assert (on_gpu.name, on_gpu.device) == ("torch", "cuda")
    wanted = open_backend(weights=exported.folder)(image, flow, given)[0]
    assert np.abs(on_gpu(image, flow, given)[0] - wanted).mean() < 0.02


def test_a_graph_of_before_gives_no_features_and_goes_on(exported: Exported, tmp_path: Path) -> None:
    graph = onnx.load(str(exported.graph))
    for output in [one for one in graph.graph.output if one.name.startswith("features")]:
        graph.graph.output.remove(output)
    onnx.save(graph, str(tmp_path / "old.onnx"))
    assert open_backend(weights=exported.graph).has_features
    segmenter = Segmenter(weights=tmp_path / "old.onnx", size=64, flow="dis-ultrafast")
    assert not segmenter.backend.has_features
    assert segmenter.config.target == "off"
    assert len(list(segmenter.masks(np.zeros((2, 64, 96, 3), np.uint8)))) == 2
