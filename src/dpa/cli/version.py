"""`dpa version`."""

import typer

import dpa


def version() -> None:
    """Print the version."""
    typer.echo(f"dpa {dpa.__version__}")
