"""Checkpoints of a run: written aside and renamed, so that the last good one survives anything."""

import os
from pathlib import Path
from typing import Any

import torch

from dpa.errors import InputError, OutputError
from dpa.files import aside

NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a run; a crash or a full disk leaves the previous checkpoint as it was.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with aside(folder / NAME) as part, part.open("wb") as f:
            torch.save(state, f)
            f.flush()
            os.fsync(f.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer makes a RuntimeError of a full disk
        raise OutputError(
            f"{folder / NAME}: cannot be written, the last one is kept; "
            f"free some space and go on with --resume ({str(error).partition(chr(10))[0]})"
        ) from error


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """The state of a run.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = folder / NAME
    if not path.exists():
        raise InputError(f"{path}: no checkpoint to resume from; start without --resume")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"{path}: not a checkpoint of this project, or damaged") from error
    return state
