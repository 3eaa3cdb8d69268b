"""The card of a weights folder: where the weights come from, under which terms, and how good they are.

card.json is what the program reads; README.md beside it says the same to people and is rendered from it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dpa.errors import WeightsError
from dpa.files import write_json, write_whole

CARD = "card.json"
README = "README.md"


@dataclass(frozen=True)
class TrainingData:
    """One data set that the weights were trained on.

    Attributes:
        name: as its makers call it.
        use: what was taken and for what ("24 of the 30 train sequences, stage 2").
        terms: licence or terms of use.
    """

    name: str
    use: str
    terms: str


@dataclass(frozen=True)
class Recipe:
    """How to make the weights again.

    Attributes:
        commands: shell lines in order.
        commit: the commit of this repository that they ran at.
        notes: starting weights, hardware, hours, seeds.
    """

    commands: Sequence[str]
    commit: str
    notes: str = ""


@dataclass(frozen=True)
class Figures:
    """A measurement on data that was never trained on.

    Attributes:
        data: the data set.
        protocol: how it was measured, with the command.
        sequences: sequence -> {"J": ..., "F": ..., "JF": ...}, each in percent.
        mean: the same over all sequences.
    """

    data: str
    protocol: str
    sequences: Mapping[str, Mapping[str, float]]
    mean: Mapping[str, float]


@dataclass(frozen=True)
class Card:
    """All that card.json holds.

    `limits` says plainly where the weights fail, a sentence each; `files` maps a file's name to
    {"sha256": ..., "bytes": ...}.
    """

    name: str
    version: str
    licence: str
    data: Sequence[TrainingData]
    recipe: Recipe
    figures: Figures | None
    limits: Sequence[str] = ()
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def write_card(
    folder: Path,
    *,
    name: str,
    version: str,
    licence: str,
    data: Sequence[TrainingData],
    recipe: Recipe,
    figures: Figures | None = None,
    limits: Sequence[str] = (),
) -> Card:
    """Write card.json and README.md for the files of a weights folder, with their sha256 and size.

    Raises:
        WeightsError: the folder holds no weights.
        OutputError: a file cannot be written; the one that was there stays.
    """
    paths = [path for path in sorted(folder.glob("*")) if path.is_file() and path.name not in (CARD, README)]
    if not any(path.suffix in (".safetensors", ".onnx") for path in paths):
        raise WeightsError(f"{folder}: no .safetensors or .onnx file to write a card for")
    files = {path.name: {"sha256": sha256(path), "bytes": path.stat().st_size} for path in paths}
    card = Card(name, version, licence, data, recipe, figures, limits, files)
    write_json(folder / CARD, asdict(card))
    write_whole(folder / README, render(card).encode())
    return card


def read_card(folder: Path) -> Card:
    """Read card.json.

    Raises:
        WeightsError: the file is missing or is not a card.
    """
    path = folder / CARD
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Card(
            **{
                **raw,
                "data": [TrainingData(**one) for one in raw["data"]],
                "recipe": Recipe(**raw["recipe"]),
                "figures": Figures(**raw["figures"]) if raw.get("figures") else None,
            }
        )
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: not a weights card ({type(error).__name__}: {error})") from error


def render(card: Card) -> str:
    """The card as Markdown."""
    lines = [f"# {card.name} {card.version}", "", f"Licence of the weights: {card.licence}", ""]
    lines += ["## Training data", "", "| data | use | terms |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.use} | {one.terms} |" for one in card.data]
    lines += ["", "## Recipe", "", f"At commit {card.recipe.commit}:", ""]
    lines += [f"    {command}" for command in card.recipe.commands]
    lines += ["", card.recipe.notes] if card.recipe.notes else []
    lines += ["", *_figures(card.figures)]
    if card.limits:
        lines += ["", "## Where it fails", "", *(f"- {limit}" for limit in card.limits)]
    lines += ["", "## Files", "", "| file | bytes | sha256 |", "|---|---|---|"]
    lines += [f"| {name} | {facts['bytes']:,} | `{facts['sha256']}` |" for name, facts in card.files.items()]
    return "\n".join(lines) + "\n"


def _figures(figures: Figures | None) -> list[str]:
    if figures is None:
        return ["## Figures", "", "Not measured."]
    rows = [*figures.sequences.items(), ("mean", figures.mean)]
    lines = [f"## Figures on {figures.data}", "", figures.protocol, "", "| sequence | J | F | J&F |"]
    lines += ["|---|---|---|---|"]
    return lines + [f"| {name} | {row['J']:.1f} | {row['F']:.1f} | {row['JF']:.1f} |" for name, row in rows]


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
