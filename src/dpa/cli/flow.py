"""`dpa flow`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer


def flow(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A video, a folder of frames, or a data set with RGB/ (flat or one per sequence).",
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for the pictures; a data set's own adds FLOW/ to it."),
    ],
    estimator: Annotated[
        str, typer.Option("--flow", help="auto, dis, dis-fast, dis-ultrafast, raft-small or raft-large.")
    ] = "auto",
    weights: Annotated[Path | None, typer.Option(help="RAFT's weights file; else torch hub's cache.")] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="Longer side of the flow, pixels; default the frame's own.")
    ] = None,
    floor: Annotated[
        float,
        typer.Option(min=0, help="Least motion, in pixels, drawn in full colour; 0 is the paper's drawing."),
    ] = 0.0,
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG quality.")] = 95,
    device: Annotated[str, typer.Option(help="For RAFT: auto, cpu, cuda, cuda:INDEX or mps.")] = "auto",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes, for data sets; default one a CPU, with RAFT one.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make existing pictures anew.")] = False,
) -> None:
    """Write optical flow pictures, and flow.json that says how they were made.

    Existing pictures of the same recipe are kept, so a run that was broken off goes on where it stopped.
    """
    import os

    from dpa.device import pick_device
    from dpa.flow.batch import Maker, plan, run
    from dpa.flow.estimator import choose
    from dpa.flow.pictures import Look, claim, make_recipe

    place = pick_device("cpu" if estimator.startswith("dis") and device == "auto" else device)
    name, why = choose(estimator, place)
    typer.echo(why, err=True)
    maker = Maker(name, place, weights)
    look = Look(size, floor, quality)
    work = plan(source, out)
    existing = [path for job in work for path in job.existing()]
    claim(out, make_recipe(maker(), look, work[0].video), existing, overwrite)
    kept = 0 if overwrite else len(existing)
    total = sum(len(job.names) for job in work)
    processes = jobs or (1 if name.startswith("raft") else os.cpu_count() or 1)
    written = _show(run(work, maker, look, processes), kept, total)
    typer.echo(f"{out}: {written} flow pictures written, {kept} kept")


def _show(steps: Iterator[int], kept: int, total: int) -> int:
    """Draw a progress bar while pictures are written; gives how many there were."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("flow"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("flow", total=total, completed=kept)
        for step in steps:
            written += step
            progress.advance(task, step)
    return written
