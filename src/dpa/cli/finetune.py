"""`dpa finetune`."""

from pathlib import Path
from typing import Annotated

import typer


def finetune(
    config: Annotated[
        str, typer.Argument(help="Settings: a name inside the package (mobile, ...) or a YAML file.")
    ],
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, e.g. data.videos=FOLDER.")] = None,
    stage1: Annotated[
        Path | None, typer.Option(help="Weights of stage 1: a folder, e.g. runs/pretrain/best.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path(
        "runs/finetune"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run that the folder holds.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Stage 2 of the training: the whole network, on videos with masks."""
    from dpa.config import load
    from dpa.device import pick_device
    from dpa.train.settings import TrainSettings
    from dpa.train.stages import finetune as run

    run(
        load(TrainSettings, config, overrides or []),
        output,
        stage1,
        resume=resume,
        overwrite=overwrite,
        device=pick_device(device),
    )
