"""Weights on disk: `config.json` and `model.safetensors`. Nothing is ever unpickled.

Not huggingface_hub's PyTorchModelHubMixin (tried with 2.4): it falls back to a pickle, prints, builds the
default network where `config.json` is missing, ends in raw JSONDecodeErrors that name no file, and knows
neither single files nor the names of the package's own weights.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dpa.errors import DPAError, InputError, WeightsError
from dpa.files import make_folder, user_path, write_json, write_whole
from dpa.model.config import DPAConfig
from dpa.model.legacy import is_legacy, modern

CONFIG, TENSORS = "config.json", "model.safetensors"
_PICKLED = (".pt", ".pth", ".bin", ".ckpt", ".pkl")


Network = TypeVar("Network", bound=nn.Module)


def load(source: str | Path, build: Callable[[DPAConfig], Network]) -> Network:
    """A network with weights, in evaluation mode.

    Args:
        source: name of embedded or installed weights (`dpa models`), a folder with `config.json` and
            `model.safetensors`, the `model.safetensors` in such a folder, or a hub id, "owner/name".
        build: makes the network of settings.

    Raises:
        WeightsError: a file that is missing, damaged, or does not fit the network; unknown name.
    """
    folder, tensors = _find(source)
    config = read_config(folder / CONFIG)
    try:
        with Unfilled():
            model = build(config)
    except InputError as error:  # the encoder's name is known only where torch is
        raise WeightsError(f"{folder / CONFIG}: {error}") from error
    _fill(model, read_safetensors(tensors), tensors)
    return model.eval()


class Unfilled(TorchFunctionMode):
    """Networks that are built within hold what lay in memory: for weights that are all about to be read.

    Random numbers for VGG-16 take seconds.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Leaves out what draws random numbers."""
        given = kwargs or {}
        if func in _RANDOM:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


_RANDOM = {Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_}


def save(model: nn.Module, config: DPAConfig, folder: Path, *, half: bool = False) -> None:
    """Write a network's settings and weights.

    Args:
        model: whose weights are written.
        config: its settings.
        folder: made if missing; both files are written aside and renamed.
        half: store floating point tensors in half precision.

    Raises:
        WeightsError: a weight is too large for half precision.
        OutputError: the folder cannot be written.
    """
    from safetensors.torch import save as to_bytes

    tensors = {k: v.contiguous().cpu() for k, v in model.state_dict().items()}
    if half:
        tensors = {k: in_half(v, k) for k, v in tensors.items()}
    make_folder(folder)
    write_whole(folder / TENSORS, to_bytes(tensors, metadata={"format": "pt"}))
    write_json(folder / CONFIG, config.to_dict())


def in_half(tensor: Tensor, name: str) -> Tensor:
    """A floating point tensor in half precision; others as they are.

    Raises:
        WeightsError: a value that half precision cannot hold; `name` says where.
    """
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        raise WeightsError(f"{name} holds values that half precision cannot: keep the weights in float32")
    return half


def read_config(path: Path) -> DPAConfig:
    """The settings in a `config.json`.

    Raises:
        WeightsError: missing, not JSON, or with settings that are unknown or of the wrong type.
    """
    try:
        values: Any = json.loads(path.read_text())
        return DPAConfig.from_dict(values)
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path}: no such file; weights are a folder with {CONFIG} and {TENSORS}"
        ) from error
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise WeightsError(f"{path}: not a network's settings ({error})") from error
    except DPAError as error:
        raise WeightsError(f"{path}: {error}") from error


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a file.

    Raises:
        WeightsError: missing, truncated, or not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise WeightsError(f"{path}: no such weights file") from error
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: truncated, or not a safetensors file; get it again ({error})") from error


def _find(source: str | Path) -> tuple[Path, Path]:
    """Folder of the settings, and the file of the tensors."""
    path = user_path(source)
    if path.is_dir():
        return path, path / TENSORS
    if path.is_file():
        if path.suffix in _PICKLED:
            raise WeightsError(f"{path}: pickled weights can run code when they are read; give {TENSORS}")
        return path.parent, path
    # Names and hub ids may have dots in them, "owner/dpa-v1.5": only a known ending makes a file.
    if isinstance(source, str) and path.suffix not in (".safetensors", ".onnx", *_PICKLED):
        if "/" not in source:
            from dpa.weights.registry import find

            entry = find(source)
            return entry.file("config").parent, entry.file("safetensors")
        if source.count("/") == 1:
            return _from_hub(source)
    raise WeightsError(f"{path}: no such weights file or folder")


def _from_hub(name: str) -> tuple[Path, Path]:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        config, tensors = (Path(hf_hub_download(name, file)) for file in (CONFIG, TENSORS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"{name}: neither a folder here nor to be had from the hub; offline, download {CONFIG} and "
            f"{TENSORS} by hand and give their folder ({type(error).__name__})"
        ) from error
    return config.parent, tensors


def _fill(model: nn.Module, given: dict[str, Tensor], path: Path) -> None:
    if is_legacy(given):
        given = modern(given)
    own = model.state_dict()
    for name in own:
        if name not in given:
            raise WeightsError(f"{path}: does not fit the network: {name} is missing")
        if own[name].shape != given[name].shape:
            found, wanted = tuple(given[name].shape), tuple(own[name].shape)
            raise WeightsError(f"{path}: does not fit the network: {name} is {found}, not {wanted}")
    for name in given:
        if name not in own:
            raise WeightsError(f"{path}: does not fit the network, which has no {name}")
    model.load_state_dict({k: v.to(own[k].dtype) for k, v in given.items()})
