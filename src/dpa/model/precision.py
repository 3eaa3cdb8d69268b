"""Where mixed precision is not wanted."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def full_precision(device: str) -> AbstractContextManager[Any]:
    """Float32 inside autocast, which would round what small differences are made of.

    Args:
        device: its type, "cpu" or "cuda".
    """
    # Exporters know no autocast: where there is none, nothing is done.
    # "meta", of tensors without values, knows no autocast.
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()
