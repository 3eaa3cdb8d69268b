"""Networks behind one protocol, and which of them runs."""

from importlib.util import find_spec
from pathlib import Path

from dpa.backends.protocol import Backend, Memory
from dpa.errors import InputError, MissingExtra, WeightsError
from dpa.weights.registry import DEFAULT, FILES, find

__all__ = ["Backend", "Memory", "open_backend"]


def open_backend(
    model: str = DEFAULT, weights: str | Path | None = None, device: str = "cpu", threads: int = 0
) -> Backend:
    """The network to run: ONNX Runtime on the CPU where there is a graph, else torch.

    Args:
        model: name of a network (`dpa models`).
        weights: an `.onnx` graph, a `.safetensors` file with its `config.json` beside it, or a folder
            with either; None for the weights that go by the model's name.
        device: as `dpa.device.pick_device` gives it.
        threads: of the CPU; 0 for one per core.

    Raises:
        WeightsError: unknown name, or a file that is missing, damaged, or of something else.
        InputError: an ONNX graph asked for on a GPU.
        MissingExtra: weights or a device that need torch, which is not installed.
    """
    graph, tensors = _files(model, weights)
    if graph is not None and (device == "cpu" or tensors is None):
        if device != "cpu":
            raise InputError(
                f"{graph}: an ONNX graph runs on the CPU here; give .safetensors or --device cpu"
            )
        from dpa.backends.onnx import OnnxBackend

        return OnnxBackend(graph, threads)
    assert tensors is not None
    if find_spec("torch") is None:
        raise MissingExtra(f"running {tensors}")
    from dpa.backends.torch import TorchBackend
    from dpa.model.dpa import DPA

    return TorchBackend(DPA.from_pretrained(tensors), device, threads, str(tensors))


def _files(model: str, weights: str | Path | None) -> tuple[Path | None, Path | None]:
    """The ONNX graph and the safetensors file, whichever there are; at least one."""
    if weights is None:
        folder = find(model).folder
    else:
        path = Path(weights).expanduser()
        if path.is_file():
            return (path, None) if path.suffix == ".onnx" else (None, path)
        if not path.is_dir():
            raise WeightsError(f"{path}: no such weights file or folder")
        folder = path
    found = [folder / FILES[kind] for kind in ("onnx", "safetensors")]
    graph, tensors = (file if file.is_file() else None for file in found)
    if graph is None and tensors is None:
        raise WeightsError(f"{folder}: neither {FILES['onnx']} nor {FILES['safetensors']} is in it")
    return graph, tensors
