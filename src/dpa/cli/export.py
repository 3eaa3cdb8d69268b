"""`dpa export`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def export() -> None:
    """Turn weights into other formats."""


@app.command()
def onnx(
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file to write.")],
    weights: Annotated[
        str,
        typer.Option(
            help="A name (`dpa models`), a folder, or a .safetensors file with config.json beside it."
        ),
    ] = "dpa-mobile",
    full: Annotated[
        bool, typer.Option("--full", help="Store weights in float32 instead of half precision.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write the network as an ONNX graph and check it against torch."""
    from dpa.errors import InputError, OutputError
    from dpa.export.onnx import export_onnx
    from dpa.model.dpa import DPA

    if output.suffix != ".onnx":
        raise InputError(f"{output}: an ONNX graph is a file that ends in .onnx")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists already: choose another name or use --overwrite")
    difference = export_onnx(DPA.from_pretrained(weights), output, half=not full)
    size = output.stat().st_size / 2**20
    typer.echo(f"{output}: {size:.1f} MiB; probabilities differ from torch's by at most {difference:.1e}")
