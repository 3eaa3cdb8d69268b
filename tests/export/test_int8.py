"""The graph in 8 bits: near the network's probabilities, calibrated on videos, and never half a file."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from graph_samples import memory, pictures, rounded, small
from video_samples import make_folder, make_video

from dpa.backends import Memory, open_backend
from dpa.backends.onnx import OnnxBackend
from dpa.backends.torch import TorchBackend
from dpa.bench.graph import profile_parts
from dpa.bench.settings import BenchSettings
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError, OutputError
from dpa.export import int8
from dpa.export.int8 import export_int8
from dpa.model.dpa import DPA
from engine_samples import FakeBackend, make_clip
from small_encoder import THREE_LAYERS


def clip(path: Path, frames: int = 8) -> Path:
    """Blocks of all colours that move two pixels a frame."""
    image = pictures(96, 128)[0][0]
    return make_video(
        path, [np.roll(image, 2 * i, axis=1) for i in range(frames)], codec="ffv1", pixel_format="bgr0"
    )


class Made(NamedTuple):
    model: DPA
    video: Path
    graph: Path
    frames: int
    difference: float
    warnings: list[str]


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, traced_once: None) -> Made:
    folder = tmp_path_factory.mktemp("int8")
    model, video, graph = rounded(size=128), clip(folder / "clip.mkv"), folder / "new" / "model.int8.onnx"
    heard = Heard()
    logging.getLogger().addHandler(heard)
    frames, difference = export_int8(model, graph, [video, video], frames=3)
    logging.getLogger().removeHandler(heard)
    return Made(model, video, graph, frames, difference, heard.said)


@pytest.mark.slow
def test_the_file(made: Made) -> None:
    assert made.frames == 6
    assert 0 < made.difference < 0.02
    assert list(made.graph.parent.iterdir()) == [made.graph]
    onnx.checker.check_model(str(made.graph))
    graph = onnx.load(str(made.graph)).graph
    stored = {"encoders": 0, "decoder": 0}
    for tensor in graph.initializer:
        part = tensor.name.removeprefix("model.").partition(".")[0]
        if part in stored and len(tensor.dims) == 4:
            assert tensor.data_type == onnx.TensorProto.INT8
            # 7 bits: two products with a byte fit into the 16 bits that some CPUs add them in.
            # Depthwise sums are in 32.
            most = 127 if tensor.dims[1] == 1 else 64
            assert np.abs(onnx.numpy_helper.to_array(tensor).astype(int)).max() <= most
            stored[part] += int(np.prod(tensor.dims))
    for part, count in stored.items():
        assert count > 0.9 * sum(p.numel() for p in getattr(made.model, part).parameters())
    assert {node.op_type for node in graph.node} >= {"QLinearConv", "FusedMatMul"}, "it is not optimised"
    convolved = {name for node in graph.node if node.op_type == "Conv" for name in node.output}
    left = [node for node in graph.node if node.op_type == "BatchNormalization"]
    assert not any(convolved.intersection(node.input) for node in left)
    assert made.warnings == []


@pytest.mark.slow
def test_it_says_what_it_is(made: Made) -> None:
    for precision in ("auto", "int8"):
        backend = open_backend(weights=made.graph, precision=precision)
        assert (backend.name, backend.precision, backend.config) == ("onnxruntime", "int8", made.model.config)
    assert open_backend(weights=made.graph.parent).weights == str(made.graph)


@pytest.mark.slow
def test_probabilities_are_near_those_of_the_network(made: Made) -> None:
    ours, theirs = (
        np.stack([m.probability for m in Segmenter(backend=backend, smooth=0).masks(made.video)])
        for backend in (TorchBackend(made.model), OnnxBackend(made.graph))
    )
    assert np.ptp(ours) > 0.3
    assert 0 < np.abs(ours - theirs).mean() < 0.03
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.95


@pytest.mark.slow
def test_any_size_and_number_of_references_and_prototypes_on_request(made: Made) -> None:
    run = OnnxBackend(made.graph)
    for size, references in (((64, 64), 1), ((96, 160), 5)):
        images, flows = pictures(*size, frames=2)
        found, own, _ = run(images, flows, memory(made.model, references), remember=True)
        assert found.shape == (2, *size)
        assert [array.shape for one in own for array in one] == [(2, 16, 16)] * 4
        assert all(np.isfinite(array).all() for one in own for array in one)
        same, none, _ = run(images, flows, memory(made.model, references))
        np.testing.assert_allclose(same, found, atol=1e-6)
        assert none == []
    images, flows = pictures(96, 128)
    blank = Memory.blank(made.model.config)
    wanted, (mine,), _ = TorchBackend(made.model)(images, flows, blank, remember=True)
    _, (its,), _ = run(images, flows, blank, remember=True)
    assert np.corrcoef(mine.value.ravel(), its.value.ravel())[0, 1] > 0.9
    assert wanted.shape == (1, 96, 128)


@pytest.mark.slow
def test_its_parts_are_timed(made: Made, tmp_path: Path) -> None:
    (image,), (flow,) = pictures(96, 128)
    settings = BenchSettings(video="clip", repeats=3, warmup=1)
    found = profile_parts(made.graph, (image, flow), memory(made.model, 4), settings, tmp_path)
    assert all(np.all(np.array(found[part]) > 0) for part in ("encoders", "attention", "decoder"))


# -- without half a minute -----------------------------------------------------------------------------


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "graph_of", lambda *_, **__: pytest.fail("the graph was made"))


def test_it_is_calibrated_on_videos(no_export: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give at least one"):
        export_int8(small(), tmp_path / "model.int8.onnx", [])
    with pytest.raises(InputError, match=r"gone\.mp4"):
        export_int8(small(), tmp_path / "model.int8.onnx", [tmp_path / "gone.mp4"])
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(no_export: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    video = make_folder(tmp_path / "in", ["0.png"], size=(32, 32))
    with pytest.raises(OutputError, match=r"file: cannot be made"):
        export_int8(small(size=64), tmp_path / "file" / "model.int8.onnx", [video])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "in"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_half_written_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.int8.onnx").write_bytes(b"before")
    video = make_folder(tmp_path / "in", ["0.png"], size=(32, 32))

    def half(_: Path, part: Path, __: DPA) -> None:
        part.write_bytes(b"half")
        raise error

    monkeypatch.setattr(int8, "_quantised", lambda *_: Path("int8.onnx"))
    monkeypatch.setattr(int8, "_finish", half)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        export_int8(small(size=64), out / "model.int8.onnx", [video])
    assert [path.name for path in out.iterdir()] == ["model.int8.onnx"]
    assert (out / "model.int8.onnx").read_bytes() == b"before"


def test_the_callers_network_keeps_its_mode(no_export: None, tmp_path: Path) -> None:
    model = small().train()
    with pytest.raises(InputError):
        export_int8(model, tmp_path / "model.int8.onnx", [])
    assert model.training


@pytest.mark.parametrize(("count", "frames"), [(1, 3), (3, 3), (11, 3), (11, 6), (40, 3), (5, 1)])
def test_calibration_frames_are_spread_evenly_and_few_are_kept(count: int, frames: int) -> None:
    spy, most = int8._Spy(FakeBackend(), frames), 0
    blank = Memory.blank(spy.config)
    for index in range(count):
        picture = np.full((1, 4, 4, 3), index, np.uint8)
        spy(picture, picture, blank)
        most = max(most, len(spy.seen))
    indices = [int(given["image"][0, 0, 0, 0]) for given in spy.seen]
    assert most <= 2 * frames
    assert len(indices) >= min(frames, count)
    assert indices[0] == 0
    steps = set(np.diff(indices).tolist())
    assert len(steps) <= 1
    assert count - indices[-1] <= (steps or {count}).pop()


@pytest.mark.slow
def test_what_is_seen_of_a_video(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "clip.mkv", 11)
    model = small(size=64)
    seen = int8._seen(model, video, 4)
    greys = [int(np.bincount(given["image"][..., 0].ravel()).argmax()) for given in seen]
    assert greys == [10 + 2 * i for i in (0, 2, 6, 8)]
    for given in seen:
        assert given["image"].shape == given["flow"].shape == (1, *seen[0]["image"].shape[1:])
        assert given["key"].shape == given["value"].shape == (1, 2, 4 * 16, 16)
        assert given["key"].any()
    assert len(int8._seen(model, video, 20)) == 11


# -- the command line ----------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[list[object]]:
    """The videos that a graph would be calibrated on."""
    videos: list[list[object]] = []

    def export(_: DPA, path: Path, given: list[object]) -> tuple[int, float]:
        videos.append(given)
        path.write_bytes(b"graph")
        return 7, 0.01

    monkeypatch.setattr(int8, "export_int8", export)
    return videos


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    small().save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_command_line(command, told, weights: Path, tmp_path: Path) -> None:
    for name in ("bear", "cow"):
        make_folder(tmp_path / "DAVIS" / "JPEGImages" / "480p" / name, ["00000.png", "00001.png"])
    words = ("export", "onnx", "--weights", weights, "-o", tmp_path / "model.int8.onnx", "--int8")
    code, out, err = command(*words, "--video", "clip.mkv", "--video", tmp_path / "DAVIS")
    assert (code, err) == (0, "")
    assert "calibrated on 7 frames" in out
    ((first, *others),) = told
    assert first == "clip.mkv"
    assert [[path.parent.name for path in images] for images in others] == [["bear"] * 2, ["cow"] * 2]
    assert command(*words, "--video", "clip.mkv")[0] == 1, "it exists already"
    assert len(told) == 1


def test_command_line_errors(command, weights: Path, tmp_path: Path) -> None:
    words = ("export", "onnx", "--weights", weights, "-o", tmp_path / "model.int8.onnx", "--int8")
    for more, sentence in (
        ((), "calibrated on videos: give at least one"),
        (("--video", tmp_path / "gone.mp4"), "gone.mp4"),
    ):
        code, out, err = command(*words, *more)
        assert (code, out) == (1, "")
        assert sentence in err
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "model.int8.onnx").exists()


@pytest.mark.slow
def test_a_network_of_stage_1_has_fewer_inputs(tmp_path: Path, traced_once: None) -> None:
    model = small(encoder=THREE_LAYERS, motion=False, ima=False, ifa=False)
    video = clip(tmp_path / "clip.mkv", 3)
    assert export_int8(model, tmp_path / "model.int8.onnx", [video], frames=2)[0] == 2
    (mask, *_) = Segmenter(weights=tmp_path / "model.int8.onnx").masks(video)
    assert np.isfinite(mask.coarse).all()
