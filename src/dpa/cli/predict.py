"""`dpa predict`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpa.cli.options import Device, Every, Model, Precision, References, Size, Weights
from dpa.engine.defaults import FLOW_SIZE, SMOOTH

if TYPE_CHECKING:
    from dpa.predict import Prediction


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
        str | None, typer.Option(help="paper: 512 x 512 squeezed, 4 references, threshold 0.5.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="A list in ImageSets/ (val), or a file with a name on every line.")
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option(
            help="Compute flow for every frame: auto, dis, dis-fast, dis-ultrafast, raft-small, raft-large. "
            "By default FLOW pictures are used where they are, and auto computes the others."
        ),
    ] = None,
    flow_size: Annotated[
        int, typer.Option(min=16, help="Longer side of the pictures for computed flow, pixels.")
    ] = FLOW_SIZE,
    flow_floor: Annotated[
        float, typer.Option(min=0, help="Least computed motion, in pixels, drawn in full colour.")
    ] = 0.0,
    model: Model = "dpa-mobile",
    weights: Weights = None,
    device: Device = "auto",
    references: References = None,
    size: Size = None,
    keep_aspect: Annotated[
        bool | None,
        typer.Option("--keep-aspect/--square", help="Shape of the input; default the network's own."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Of the probability, for binary masks; default 0.5.")
    ] = None,
    normalise: Annotated[
        bool,
        typer.Option("--normalise", help="Stretch each frame's probabilities to 0..1 (paper's release)."),
    ] = False,
    smooth: Annotated[
        float | None,
        typer.Option(min=0, help=f"Weight of the frames beside a frame, along the flow; default {SMOOTH}."),
    ] = None,
    every: Every = 1,
    precision: Precision = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of the network; 0 is one per core.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make all masks anew.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the summary here too; - for stdout.")
    ] = None,
) -> None:
    """Write binary and soft masks for every video of a data set.

    Run it again to go on where it stopped: videos whose masks are whole are kept. A broken video does not
    stop the others; the summary names it, and the exit code is 1 then.
    """
    from dpa.predict import Prediction

    job = Prediction(
        dataset,
        out,
        split=split,
        preset=preset,
        flow=flow,
        overwrite=overwrite,
        flow_size=flow_size,
        flow_floor=flow_floor,
        model=model,
        weights=weights,
        device=device,
        references=references,
        size=size,
        keep_aspect=keep_aspect,
        threshold=threshold,
        normalise=normalise or None,
        smooth=smooth,
        every=every,
        precision=precision,
        threads=threads,
    )
    typer.echo(job.engine, err=True)
    with _progress() as progress:
        job.run(progress)
    _report(job, json_file)
    if job.failed:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar over all frames, on standard error; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("predict", total=None)
        yield lambda name, done, count: bar.update(task, description=name, completed=done, total=count)


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
