"""What `--json` asks for: a file, one in a bucket, or standard output."""

import json
from pathlib import Path

import typer


def check_json(place: str | None) -> None:
    """Find what would fail, before the work.

    Raises:
        OutputError: the place is a folder, or lies in none.
    """
    from dpa.errors import OutputError
    from dpa.storage.files import check_writable
    from dpa.storage.urls import is_url

    if place is None or place == "-":
        return
    if is_url(place):
        check_writable(place)
    elif not Path(place).absolute().parent.is_dir():
        raise OutputError(f"{place}: its folder does not exist; make it first")
    elif Path(place).is_dir():
        raise OutputError(f"{place} is a folder: choose another name for --json")


def write_json(place: str | None, values: object) -> None:
    """Write values for people to read; nothing for None.

    Raises:
        OutputError: it cannot be written.
    """
    from dpa.storage.files import put

    text = json.dumps(values, indent=2) + "\n"
    if place == "-":
        typer.echo(text, nl=False)
    elif place is not None:
        put(place, text.encode())
