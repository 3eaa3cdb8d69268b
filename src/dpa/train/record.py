"""What a run was made of: kept beside its weights, so that figures can be traced and runs repeated."""

import hashlib
import json
import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dpa._version import __version__
from dpa.datasets.layout import Sequence, Still
from dpa.errors import InputError
from dpa.train.settings import TrainSettings
from dpa.versions import commit, installed

NAME = "run.json"
FILES = "files.txt"
"""Beside the weights: every picture that they were trained on."""

_LIBRARIES = ("torch", "timm", "torchvision", "lightning-fabric", "opencv-python-headless", "numpy")

# Settings that may differ between a run and its continuation: the weights do not depend on them.
_FREE = {
    "threads",
    "workers",
    "save_minutes",
    "validate_every",
    "validate_epochs",
    "validate_stride",
    "data.cache",
}


def make_record(
    settings: TrainSettings, stage: str, iterations: int, data: dict[str, dict[str, Any]], device: str
) -> dict[str, Any]:
    """Everything that the weights depend on.

    Args:
        settings: of the run, as they are in effect.
        stage: "pretrain" or "finetune".
        iterations: its length.
        data: of each data set, see `fingerprint`.
        device: where it runs.
    """
    return {
        "stage": stage,
        "iterations": iterations,
        "settings": asdict(settings),
        "device": device,
        "versions": {
            "dpa-vos": __version__,
            "python": platform.python_version(),
            **installed(_LIBRARIES),
        },
        "commit": commit(),
        "data": {name: found for name, found in data.items() if found["files"]},
    }


def check_same(folder: Path, record: dict[str, Any]) -> None:
    """A run may only be resumed as what it is.

    Raises:
        InputError: names the settings, or the data, that differ from the folder's run.
    """
    path = folder / NAME
    if not path.exists():
        return
    other = "pretrain." if record["stage"] == "finetune" else "finetune."
    try:
        before = json.loads(path.read_text())
        # A setting that came later was at its default then.
        then = _flat(asdict(TrainSettings())) | _flat(before["settings"])
        differing = sorted(
            key
            for key, value in _flat(record["settings"]).items()
            if key not in _FREE and not key.startswith(other) and then.get(key) != value
        )
        data = before["data"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged; remove it to resume with the settings given") from error
    if differing:
        raise InputError(
            f"{folder}: the run has other settings: {', '.join(differing)} differ from its {NAME}; "
            "resume with those, or start another run in a folder of its own (-o)"
        )
    if data != json.loads(json.dumps(record["data"])):
        raise InputError(f"{folder}: the data are not those that the run began with (see {NAME})")


def fingerprint(files: Iterable[Path | None]) -> dict[str, Any]:
    """Number of files, and a hash of their names and sizes: reading them all would take too long."""
    digest, count = hashlib.sha256(), 0
    for path in files:
        if path is not None:
            digest.update(f"{path.parent.name}/{path.name} {path.stat().st_size}\n".encode())
            count += 1
    return {"files": count, "sha256_of_names_and_sizes": digest.hexdigest()}


def list_pictures(roots: Iterable[str | None], stills: list[Still], videos: list[Sequence]) -> str:
    """A line for each picture that a run trains on: its data set's folder and its place in it.

    Args:
        roots: folders of the data sets.
        stills, videos: what was found in them.
    """
    folders = [Path(root) for root in roots if root]

    def place(path: Path) -> str:
        root = next(folder for folder in folders if path.is_relative_to(folder))
        return (Path(root.resolve().name) / path.relative_to(root)).as_posix()

    pictures = [image for image, _ in stills] + [image for video in videos for image in video.images]
    return "".join(f"{place(path)}\n" for path in pictures)


def of_stills(stills: list[Still]) -> dict[str, Any]:
    """Fingerprint of pictures and masks."""
    return fingerprint(path for still in stills for path in still)


def of_videos(videos: list[Sequence]) -> dict[str, Any]:
    """Fingerprint of frames, masks and flow pictures."""
    return fingerprint(path for video in videos for path in (*video.images, *video.masks, *video.flows))


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat
