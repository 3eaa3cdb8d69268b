"""`dpa predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpa.cli.options import FLOW, FLOWS, INPUT, NETWORK, OUTPUT, Overwrite, takes_settings

if TYPE_CHECKING:
    from dpa.predict import Prediction


@takes_settings("flow")
def predict(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET_DIR",
            help="RGB/ or SEQ/RGB/, or DAVIS, FBMS, YouTube-Objects or Long-Videos as unpacked.",
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for binary/, soft/ and predict.json.")],
    preset: Annotated[
        str | None,
        typer.Option(
            help="paper: 512 x 512 squeezed, 4 references, threshold 0.5; release: --normalise too.",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="A list in ImageSets/ (val), or a file with a name on every line.", rich_help_panel=INPUT
        ),
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option(
            help=f"Compute flow for every frame: {FLOWS}; none: the frame itself. By default FLOW pictures "
            "are used where they are, and auto computes the others.",
            rich_help_panel=FLOW,
        ),
    ] = None,
    overwrite: Overwrite = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the summary here too; - for stdout.", rich_help_panel=OUTPUT),
    ] = None,
    *,
    settings: dict[str, Any],
) -> None:
    """Write binary and soft masks for every video of a data set.

    Run it again to go on where it stopped: videos whose masks are whole are kept. A broken video does not
    stop the others; the summary names it, and the exit code is 1 then.
    """
    from dpa.cli.evaluate import check_folders
    from dpa.cli.progress import progress_bar
    from dpa.predict import Prediction

    check_folders(json_file)
    if flow is not None:
        settings["flow"] = flow
    job = Prediction(dataset, out, split=split, preset=preset, overwrite=overwrite, **settings)
    typer.echo(job.engine, err=True)
    with progress_bar("predict") as update:
        job.run(lambda name, done, count: update(done, count, name))
    _report(job, json_file)
    if job.failed:
        raise typer.Exit(1)


def _report(job: "Prediction", json_file: Path | None) -> None:
    import json

    from dpa.files import write_whole

    text = json.dumps(job.record.to_dict() | {"kept": job.kept, "failed": job.failed}, indent=2) + "\n"
    if json_file == Path("-"):
        typer.echo(text, nl=False)
    else:
        _table(job)
    if json_file is not None and json_file != Path("-"):
        write_whole(json_file, text.encode())
    for name, problem in job.failed.items():
        typer.echo(f"failed: {name}: {problem}", err=True)
    written = len(job.videos) - len(job.kept) - len(job.failed)
    counts = f"{written} written, {len(job.kept)} kept, {len(job.failed)} failed"
    typer.echo(f"videos: {counts}; masks in {job.out / 'binary'} and {job.out / 'soft'}", err=True)


def _table(job: "Prediction") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("video", "frames", "flow", "masks")
    for video in job.videos:
        entry = job.record.entries[video.name]
        parts = ((entry.pictures, "pictures"), (entry.computed, "computed"))
        flow = ", ".join(f"{count} {what}" for count, what in parts if count)
        state = "kept" if video.name in job.kept else "written" if entry.state == "done" else "FAILED"
        table.add_row(video.name, str(entry.frames), flow, state)
    Console().print(table)
