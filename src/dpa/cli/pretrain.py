"""`dpa pretrain`."""

from pathlib import Path
from typing import Annotated

import typer

from dpa.cli.options import TrainConfig, TrainDevice, TrainOverwrite, TrainResume


def pretrain(
    config: TrainConfig,
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value, e.g. data.stills=FOLDER.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path(
        "runs/pretrain"
    ),
    resume: TrainResume = False,
    overwrite: TrainOverwrite = False,
    device: TrainDevice = "auto",
) -> None:
    """Stage 1 of the training: the appearance stream, on still images with masks."""
    from dpa.cli.progress import training_progress
    from dpa.config import load
    from dpa.device import pick_device
    from dpa.train.settings import TrainSettings
    from dpa.train.stages import pretrain as run

    with training_progress() as reporters:
        run(
            load(TrainSettings, config, overrides or []),
            output,
            resume=resume,
            overwrite=overwrite,
            device=pick_device(device),
            reporters=reporters,
        )
