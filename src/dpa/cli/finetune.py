"""`dpa finetune`."""

from pathlib import Path
from typing import Annotated

import typer

from dpa.cli.options import TrainConfig, TrainDevice, TrainOverwrite, TrainResume


def finetune(
    config: TrainConfig,
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, e.g. data.videos=FOLDER.")] = None,
    stage1: Annotated[
        str | None,
        typer.Option(
            help="Weights of stage 1: a folder, e.g. runs/pretrain/best; or a whole network, also by name."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path(
        "runs/finetune"
    ),
    resume: TrainResume = False,
    overwrite: TrainOverwrite = False,
    device: TrainDevice = "auto",
) -> None:
    """Stage 2 of the training: the whole network, on videos with masks."""
    from dpa.cli.progress import training_progress
    from dpa.config import load
    from dpa.device import pick_device
    from dpa.train.settings import TrainSettings
    from dpa.train.stages import finetune as run

    with training_progress() as reporters:
        run(
            load(TrainSettings, config, overrides or []),
            output,
            stage1,
            resume=resume,
            overwrite=overwrite,
            device=pick_device(device),
            reporters=reporters,
        )
