"""`dpa models`."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dpa.weights import WeightsEntry


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the networks: weights on this machine, licence, training data and measured figures."""
    from dpa.weights import entries, weights_home

    rows = [facts(entry) for entry in entries()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    typer.echo("\n".join(_table(rows)))
    for row in rows:
        for line in _details(row):
            typer.echo(line)
    if any(row["weights"] == "none" for row in rows):
        typer.echo(
            "\nweights 'none': not published. Train them with `dpa pretrain` and `dpa finetune`, "
            f"and put the folder into {weights_home()}"
        )


def facts(entry: "WeightsEntry") -> dict[str, Any]:
    """What is known of one network, as JSON has it: name, about, weights, folder, card, problem."""
    from dataclasses import asdict

    from dpa.errors import WeightsError

    where = "none" if entry.path is None else "in the package" if entry.embedded else "yours"
    card, problem = None, None
    if entry.path is not None:
        try:
            card = asdict(entry.card())
        except WeightsError as error:  # a bad card must not hide the other networks
            problem = str(error)
    return {
        "name": entry.name,
        "about": entry.summary,
        "weights": where,
        "folder": str(entry.path) if entry.path else None,
        "card": card,
        "problem": problem,
    }


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    cells = [("name", "weights", "J&F", "about")]
    cells += [(row["name"], row["weights"], _score(row), row["about"]) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    for name, weights, score, about in cells:
        yield f"{name:{widths[0]}}  {weights:{widths[1]}}  {score:>{widths[2]}}  {about}"


def _score(row: dict[str, Any]) -> str:
    figures = (row["card"] or {}).get("figures")
    return f"{figures['mean']['JF']:.1f}" if figures else "-"


def _details(row: dict[str, Any]) -> Iterator[str]:
    card = row["card"]
    if row["problem"]:
        yield f"\n{row['name']}: {row['problem']}"
    if card is None:
        return
    yield f"\n{row['name']} {card['version']}, {row['folder']}"
    yield f"  licence: {card['licence']}"
    for data in card["data"]:
        yield f"  trained on {data['name']}: {data['use']} ({data['terms']})"
    if card["figures"]:
        mean = card["figures"]["mean"]
        measures = f"J {mean['J']:.1f}, F {mean['F']:.1f}, J&F {mean['JF']:.1f}"
        yield f"  {measures} on {card['figures']['data']}: {card['figures']['protocol']}"
    for name, file in card["files"].items():
        yield f"  {name}: {file['bytes'] / 2**20:.1f} MiB, sha256 {file['sha256'][:16]}..."
