"""Weights of dpa-mobile 0.3 and before in today's network: gone when the next ones are in the package.

Their merges had the coarser features first and ended in one 1x1 convolution with batch norm, and ASPP's
pooled branch had no batch norm. Today's layers hold the same functions: numbers are moved and filled up.
"""

import torch
from torch import Tensor

_MARK = "decoder.merge4.out.0.weight"
_STATISTICS = ("weight", "bias", "running_mean", "running_var")


def is_legacy(tensors: dict[str, Tensor]) -> bool:
    """Whether a file is of a network as it was before."""
    return _MARK in tensors


def modern(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as today's network names and orders them; the same function, but for float16's rounding."""
    new = {k: v for k, v in tensors.items() if not k.startswith("decoder.merge")}
    width = tensors["decoder.merge5.out.0.weight"].shape[0]
    finer_first = torch.arange(2 * width).roll(width)
    for before, now in (("decoder.merge5", "decoder.merge5"), ("decoder.merge4", "decoder.merge4.0")):
        _reorder(tensors, new, before, now, finer_first)
    for name in (k for k in tensors if k.startswith("decoder.merge5.out.")):
        new[name] = tensors[name]
    new["decoder.merge5.out.0.weight"] = tensors["decoder.merge5.out.0.weight"][:, finer_first]
    _last_merge(tensors, new, width, finer_first)
    for k in [k for k in new if k.endswith(".pool.0.weight")]:
        new |= _norm(k.replace("0.weight", "1"), new[k].shape[0])
    return new


def _reorder(old: dict[str, Tensor], new: dict[str, Tensor], before: str, now: str, order: Tensor) -> None:
    for conv in ("body.0.0", "body.1"):
        new[f"{now}.{conv}.weight"] = old[f"{before}.{conv}.weight"][order][:, order]
        new[f"{now}.{conv}.bias"] = old[f"{before}.{conv}.bias"][order]
    for name in _STATISTICS:
        new[f"{now}.body.0.1.{name}"] = old[f"{before}.body.0.1.{name}"][order]
    new[f"{now}.body.0.1.num_batches_tracked"] = old[f"{before}.body.0.1.num_batches_tracked"]


def _last_merge(old: dict[str, Tensor], new: dict[str, Tensor], width: int, order: Tensor) -> None:
    """The 1x1 convolution as the middle of a 3x3 one with silent channels, and a 1x1 that passes them on."""
    few = old[_MARK].shape[0]
    weight, bias = torch.zeros(width, 2 * width, 3, 3), torch.zeros(width)
    weight[:few, :, 1, 1] = old[_MARK][:, order, 0, 0].float()
    bias[:few] = old["decoder.merge4.out.0.bias"].float()
    new |= {"decoder.merge4.0.out.0.weight": weight, "decoder.merge4.0.out.0.bias": bias}
    norm = _norm("decoder.merge4.0.out.1", width)
    for name in _STATISTICS:
        norm[f"decoder.merge4.0.out.1.{name}"][:few] = old[f"decoder.merge4.out.1.{name}"].float()
    new |= norm
    new["decoder.merge4.1.weight"] = torch.eye(few, width)[..., None, None]
    new["decoder.merge4.1.bias"] = torch.zeros(few)


def _norm(name: str, channels: int) -> dict[str, Tensor]:
    """A batch norm that changes nothing."""
    values = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    tensors = {f"{name}.{k}": torch.full((channels,), v) for k, v in values.items()}
    return tensors | {f"{name}.num_batches_tracked": torch.tensor(0)}
