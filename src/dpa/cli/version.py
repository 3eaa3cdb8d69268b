"""`dpa version`."""

import typer

from dpa._version import __version__


def version() -> None:
    """Print the version."""
    typer.echo(f"dpa {__version__}")
