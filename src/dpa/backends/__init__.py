"""Networks behind one protocol, and which of them runs."""

from importlib.util import find_spec
from pathlib import Path

from dpa.backends.protocol import Backend, Memory, Seen
from dpa.errors import InputError, MissingExtra, WeightsError
from dpa.files import user_path
from dpa.weights.registry import DEFAULT, FILES, Kind, find

__all__ = ["PRECISIONS", "Backend", "Memory", "Seen", "open_backend"]


PRECISIONS = ("auto", "fp32", "int8", "fp16", "bf16")


def open_backend(
    model: str = DEFAULT,
    weights: str | Path | None = None,
    device: str = "cpu",
    threads: int = 0,
    precision: str = "auto",
    *,
    compiled: bool = False,
) -> Backend:
    """The network to run: ONNX Runtime on the CPU where there is a graph, else torch.

    Args:
        model: name of a network (`dpa models`).
        weights: an `.onnx` graph, a `.safetensors` file with its `config.json` beside it, or a folder
            with either; None for the weights that go by the model's name.
        device: as `dpa.device.pick_device` gives it.
        threads: of the CPU; 0 for one per core.
        precision: one of `PRECISIONS`. "auto" is int8 on a CPU where there is such a graph, else fp32; fp16
            on GPUs. "fp16" and "bf16" need torch.
        compiled: run it in torch, through torch.compile.

    Raises:
        WeightsError: unknown name, or a file that is missing, damaged, or of something else.
        InputError: unknown precision, or one that these weights or this device have not; an ONNX graph asked
            for on a GPU, or to be compiled.
        MissingExtra: weights or a device that need torch, which is not installed.
    """
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}: choose one of {', '.join(PRECISIONS)}")
    files = _files(model, weights)
    if compiled and (precision == "int8" or "safetensors" not in files):
        raise InputError("a graph cannot be compiled: give .safetensors and another precision than int8")
    graph = None if compiled else _graph(files, device, precision)
    if graph is not None:
        from dpa.backends.onnx import OnnxBackend

        return OnnxBackend(graph, threads)
    tensors = files["safetensors"]
    if find_spec("torch") is None:
        raise MissingExtra(f"running {tensors}")
    from dpa.backends.torch import TorchBackend
    from dpa.model.dpa import DPA

    network, kind = DPA.from_pretrained(tensors), None if precision == "auto" else precision
    return TorchBackend(network, device, threads, str(tensors), kind, compiled)


def _graph(files: dict[Kind, Path], device: str, precision: str) -> Path | None:
    """The graph that is to run; None where torch is to run the tensors."""
    kinds: dict[str, tuple[Kind, ...]] = {"auto": ("int8", "onnx"), "int8": ("int8",), "fp32": ("onnx",)}
    fitting = [files[kind] for kind in kinds.get(precision, ()) if kind in files]
    if fitting and device == "cpu":
        return fitting[0]
    if fitting and ("safetensors" not in files or precision == "int8"):
        raise InputError(
            f"{fitting[0]}: an ONNX graph runs on the CPU here; give .safetensors or --device cpu"
        )
    if "safetensors" not in files or precision == "int8":
        there = ", ".join(str(path) for path in files.values())
        raise InputError(
            f"there is no {precision} among these weights, only {there}: choose another precision"
        )
    return None


def _files(model: str, weights: str | Path | None) -> dict[Kind, Path]:
    """The graphs and the safetensors file, whichever there are; at least one."""
    if weights is None:
        folder = find(model).folder
    else:
        path = user_path(weights)
        if path.is_file():
            return {_kind(path): path}
        if not path.is_dir():
            raise WeightsError(f"{path}: no such weights file or folder")
        folder = path
    kinds: tuple[Kind, ...] = ("int8", "onnx", "safetensors")
    found = {kind: folder / FILES[kind] for kind in kinds if (folder / FILES[kind]).is_file()}
    if not found:
        raise WeightsError(f"{folder}: neither {FILES['onnx']} nor {FILES['safetensors']} is in it")
    return found


def _kind(path: Path) -> Kind:
    """What a file of weights is, by its name; a graph of unknown precision counts as fp32."""
    if path.suffix != ".onnx":
        return "safetensors"
    return "int8" if path.name.endswith("int8.onnx") else "onnx"
