"""`dpa pretrain`."""

from pathlib import Path
from typing import Annotated

import typer


def pretrain(
    config: Annotated[
        str, typer.Argument(help="Settings: a name inside the package (mobile, ...) or a YAML file.")
    ],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, e.g. data.stills=FOLDER.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path(
        "runs/pretrain"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run that the folder holds.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Stage 1 of the training: the appearance stream, on still images with masks."""
    from dpa.config import load
    from dpa.device import pick_device
    from dpa.train.settings import TrainSettings
    from dpa.train.stages import pretrain as run

    run(
        load(TrainSettings, config, overrides or []),
        output,
        resume=resume,
        overwrite=overwrite,
        device=pick_device(device),
    )
