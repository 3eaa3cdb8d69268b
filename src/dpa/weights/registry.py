"""Which networks have a name, and where their weights are.

Weights live in folders named after the network: inside the package (dpa/weights/NAME) or, put there by the
user, in weights_home()/NAME. A folder holds config.json, model.safetensors, model.onnx and card.json, and
model.int8.onnx where there is one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dpa.config import nearest
from dpa.errors import WeightsError
from dpa.weights.card import Card, read_card, sha256

DEFAULT, BASE = "dpa-mobile", "dpa-base"

DINOV2 = Path(__file__).parent / "dinov2-small" / "model.int8.onnx"
"""The graph of DINOv2, see `dpa.model.appearance`."""

Kind = Literal["safetensors", "onnx", "int8", "config", "card"]

FILES: Mapping[Kind, str] = {
    "safetensors": "model.safetensors",
    "onnx": "model.onnx",
    "int8": "model.int8.onnx",
    "config": "config.json",
    "card": "card.json",
}

# The networks of this project: what `dpa models` says of each.
NAMED = {
    "dpa-mobile": "MobileNetV2, narrow throughout: for CPUs; the default",
    "dpa-base": "dpa-mobile with DINOv2 beside its encoder: more accurate, a third as fast",
    "dpa-vgg16": "VGG-16: the paper's network",
    "dpa-resnet101": "ResNet-101",
    "dpa-pvt-b2": "PVTv2-B2, a hierarchical transformer",
}


@dataclass(frozen=True)
class WeightsEntry:
    """A network's name and its weights folder.

    Attributes:
        name: what `--model` takes.
        summary: one line for people.
        path: the folder with its weights; None where none are on this machine.
        embedded: whether that folder is part of the package.
    """

    name: str
    summary: str
    path: Path | None = None
    embedded: bool = False

    @property
    def folder(self) -> Path:
        """The weights folder.

        Raises:
            WeightsError: no weights of this name are on this machine.
        """
        if self.path is None:
            raise WeightsError(
                f"no weights of {self.name} are on this machine and none are published: train them with "
                "`dpa pretrain` and `dpa finetune`, then put the folder's files "
                f"({', '.join(FILES.values())}) into {weights_home() / self.name}"
            )
        return self.path

    def file(self, kind: Kind) -> Path:
        """One file of the weights folder, see `FILES`.

        Raises:
            WeightsError: no weights of this name are on this machine, or this file is missing.
        """
        path = self.folder / FILES[kind]
        if path.is_file():
            return path
        if self.embedded and kind != "int8":
            mend = "it belongs to the package: install dpa-vos again"
        elif kind in ("onnx", "int8"):
            how = " --int8 --video VIDEO" if kind == "int8" else ""
            tensors = self.folder / FILES["safetensors"]
            mend = f"make it with `dpa export onnx{how} --weights {tensors} -o {path}`"
        elif kind == "card":
            mend = "dpa.weights.write_card writes one"
        else:
            mend = "put it there by hand, or remove the folder"
        raise WeightsError(f"{path}: missing from the weights of {self.name}; {mend}")

    def card(self) -> Card:
        """The card of the weights.

        Raises:
            WeightsError: no weights of this name are on this machine, or the card is missing or damaged.
        """
        self.file("card")
        return read_card(self.folder)


def weights_home() -> Path:
    """The folder where users put weights: $DPA_HOME/weights, or ~/.cache/dpa/weights."""
    home = os.environ.get("DPA_HOME")
    return (Path(home) if home else Path.home() / ".cache" / "dpa") / "weights"


def entries() -> list[WeightsEntry]:
    """The project's networks in their order, then what else the user has put into the weights folder."""
    own = [_locate(name, summary) for name, summary in NAMED.items()]
    home = weights_home()
    others = sorted(home.iterdir()) if home.is_dir() else []
    return own + [
        WeightsEntry(folder.name, "put there by you", folder)
        for folder in others
        if folder.name not in NAMED and (folder / FILES["config"]).is_file()
    ]


def find(name: str) -> WeightsEntry:
    """The entry of a name, whether its weights are on this machine or not.

    Raises:
        WeightsError: no network has this name.
    """
    known = {entry.name: entry for entry in entries()}
    if name not in known:
        raise WeightsError(f"no network is called {name!r}{nearest(name, known)} (`dpa models` lists all)")
    return known[name]


def verify(entry: WeightsEntry) -> None:
    """Compare every file of a weights folder with the sha256 in its card.

    Raises:
        WeightsError: a file is missing or is not the one that the card describes.
    """
    for name, facts in entry.card().files.items():
        path = entry.folder / name
        if not path.is_file():
            raise WeightsError(f"{path}: missing, though card.json lists it")
        if sha256(path) != facts["sha256"]:
            mend = "install dpa-vos again" if entry.embedded else "get the file again"
            raise WeightsError(f"{path}: damaged or changed, its sha256 is not the card's; {mend}")


def _locate(name: str, summary: str) -> WeightsEntry:
    # The package's own weights win over a folder of the same name, so that a name means the same everywhere.
    inside = Path(__file__).parent / name
    if (inside / FILES["config"]).is_file():
        return WeightsEntry(name, summary, inside, embedded=True)
    outside = weights_home() / name
    if (outside / FILES["config"]).is_file():
        return WeightsEntry(name, summary, outside)
    return WeightsEntry(name, summary)
