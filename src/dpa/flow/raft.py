"""RAFT flow (Teed and Deng, ECCV 2020), torchvision's: needs torch and weights, made for GPUs."""

import hashlib
import os
import pickle
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dpa.arrays import Flow, Image
from dpa.errors import MissingExtra, WeightsError
from dpa.files import user_path

if TYPE_CHECKING:
    import torch

# What torchvision publishes, by its own names, and the files. V1 are the authors' own weights, V2 are of
# torchvision's training; the letters are the data: Chairs, Things, then Sintel, KITTI and HD1K with Things,
# then KITTI alone.
_PUBLISHED = {
    "small-C_T_V1": "raft_small_C_T_V1-ad48884c.pth",
    "small-C_T_V2": "raft_small_C_T_V2-01064c6d.pth",
    "large-C_T_V1": "raft_large_C_T_V1-22a6c225.pth",
    "large-C_T_V2": "raft_large_C_T_V2-1bb1363a.pth",
    "large-C_T_SKHT_V1": "raft_large_C_T_SKHT_V1-0b8c9e55.pth",
    "large-C_T_SKHT_V2": "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
    "large-C_T_SKHT_K_V1": "raft_large_C_T_SKHT_K_V1-4a6a5039.pth",
    "large-C_T_SKHT_K_V2": "raft_large_C_T_SKHT_K_V2-b5c70766.pth",
}
# The names that people use: the authors' weights for Sintel, KITTI and Things. Without one, large is the best
# on real video that torchvision has.
_SHORT = {
    "small": "small-C_T_V1",
    "large": "large-C_T_SKHT_V2",
    "large-sintel": "large-C_T_SKHT_V1",
    "large-kitti": "large-C_T_SKHT_K_V1",
    "large-things": "large-C_T_V1",
}
VARIANTS = (*_SHORT, *_PUBLISHED)
"""Networks and weights by name."""

_UPDATES = 12
# The network works at an eighth, and its correlation pyramid needs 16 positions a side there.
_STRIDE = 8
_LEAST_SIDE = 128


def cached_weights(variant: str) -> Path:
    """Where torch hub keeps this variant's weights file, there or not; found as torch does, without torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return user_path(home) / "hub" / "checkpoints" / _PUBLISHED[_SHORT.get(variant, variant)]


class RAFT:
    """RAFT flow in float32, 12 updates; may be called from several threads (one at a time is served).

    Frames of any size, padded inside with their edge pixels.

    Args:
        variant: one of `VARIANTS`, "small", "large-sintel" or "large-C_T_V2" say.
        device: as torch names it.
        weights: a state dict of this variant, read without unpickling code; None for the file in torch hub's
            cache, downloaded if it is not there.

    Raises:
        ValueError: unknown variant.
        MissingExtra: torch or torchvision is not installed.
        WeightsError: the file is missing and cannot be downloaded, is damaged, or is of another network.
    """

    def __init__(
        self, variant: str = "small", device: str = "cpu", weights: str | Path | None = None
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
        try:
            import torch
            import torchvision
            from torchvision.models import optical_flow
        except ImportError as error:
            raise MissingExtra(f"RAFT (raft-{variant})") from error
        size, _, published = _SHORT.get(variant, variant).partition("-")
        file = Path(weights) if weights is not None else cached_weights(variant)
        if weights is None and not file.is_file():
            enum = getattr(optical_flow, f"Raft_{size.capitalize()}_Weights")
            _download(enum[published].url, file)
        network = getattr(optical_flow, f"raft_{size}")(weights=None, progress=False)
        digest = _load(network, file, size)
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = device
        # torchvision's network keeps the pair's correlation volume in itself while it works.
        self._lock = threading.Lock()
        self.name = f"raft-{variant}"
        self.recipe: dict[str, object] = {
            "estimator": "RAFT",
            "variant": variant,
            "weights": file.name,
            "sha256": digest,
            "updates": _UPDATES,
            "versions": {"torch": str(torch.__version__), "torchvision": str(torchvision.__version__)},
        }

    def __call__(self, first: Image, second: Image) -> Flow:
        """Flow from `first` to `second`: (H, W, 3) uint8 RGB each; gives (H, W, 2) float32, pixels.

        Raises:
            ValueError: the pictures differ in size.
        """
        import torch

        if first.shape != second.shape:
            raise ValueError(f"pictures of one size are needed, not {first.shape} and {second.shape}")
        height, width = first.shape[:2]
        top, left = _padding(height)[0], _padding(width)[0]
        with self._lock, torch.inference_mode():
            pair = [self._prepare(picture) for picture in (first, second)]
            flow = self._network(*pair, num_flow_updates=_UPDATES)[-1][0]  # (2, H', W')
            flow = flow[:, top : top + height, left : left + width]
            return np.ascontiguousarray(flow.permute(1, 2, 0).float().cpu().numpy())

    def _prepare(self, image: Image) -> "torch.Tensor":
        """(H, W, 3) uint8 to (1, 3, H', W') in [-1, 1], padded."""
        import torch

        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
        tensor = tensor.permute(2, 0, 1)[None].float() / 127.5 - 1
        top, bottom = _padding(image.shape[0])
        left, right = _padding(image.shape[1])
        return torch.nn.functional.pad(tensor, (left, right, top, bottom), mode="replicate")


def _padding(side: int) -> tuple[int, int]:
    """Pixels before and after a side, so that the network takes it."""
    extra = max(_LEAST_SIDE, -(-side // _STRIDE) * _STRIDE) - side
    return extra // 2, extra - extra // 2


def _download(url: str, file: Path) -> None:
    import torch

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        prefix = file.stem.rpartition("-")[2]
        torch.hub.download_url_to_file(url, str(file), hash_prefix=prefix, progress=False)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"{file}: RAFT's weights are not here and could not be downloaded ({error}); "
            f"fetch {url} on another machine and put it there, or use --flow dis"
        ) from error


def _load(network: Any, file: Path, variant: str) -> str:
    """Fill the network from the file; gives the file's sha256."""
    import torch

    if not file.is_file():
        raise WeightsError(f"{file}: no such weights file")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"{file}: not a readable weights file; if it was cut short, delete it and run again"
        ) from error
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise WeightsError(f"{file}: not the weights of RAFT {variant}") from error
    return hashlib.sha256(file.read_bytes()).hexdigest()
