"""`dpa example`."""

from pathlib import Path
from typing import Annotated

import typer


def example(
    output: Annotated[
        Path | None, typer.Argument(help="The clip to write, .mp4, .mov or .mkv.", show_default=False)
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="Write the true masks into this folder, 1-bit PNGs.", show_default=False),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="Measure the masks in this folder against the true ones.", show_default=False),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="Length of the clip.")] = 48,
    seed: Annotated[int, typer.Option(min=0, help="Of the generator.")] = 7,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing clip.")] = False,
) -> None:
    """Make a clip whose true masks are known, or measure masks of it.

    dpa example clip.mp4; dpa segment clip.mp4 -o masks; dpa example --check masks
    """
    from dpa.errors import InputError
    from dpa.example import Scene, measure, write_clip

    if output is None and check is None:
        raise InputError("give a name for the clip, as in `dpa example clip.mp4`, or --check FOLDER")
    scene = Scene(frames=frames, seed=seed)
    if output is not None:
        write_clip(output, scene, masks, overwrite)
        typer.echo(f"{output}: {frames} frames of a dog on a meadow")
    if check is not None:
        fit = measure(check, scene)
        typer.echo(
            f"{check}: J {100 * fit.j:.1f} over {fit.frames} frames (worst frame {100 * fit.worst:.1f}); "
            "J is the overlap with the true masks, 100 is perfect"
        )
