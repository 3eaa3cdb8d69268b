"""`dpa flow`, and what `dpa prepare` has in common with it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dpa.flow.batch import Maker


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
    from dpa.flow.batch import plan, run
    from dpa.flow.pictures import Look, claim, make_recipe

    maker = pick_maker(estimator, device, weights)
    look = Look(size, floor, quality)
    work = plan(source, out)
    existing = [path for job in work for path in job.existing()]
    claim(out, make_recipe(maker(), look, work[0].video), existing, overwrite)
    kept = 0 if overwrite else len(existing)
    total = sum(len(job.names) for job in work)
    written = show("flow", run(work, maker, look, flow_processes(maker, jobs)), kept, total)
    typer.echo(f"{out}: {written} flow pictures written, {kept} kept")


def pick_maker(estimator: str, device: str, weights: Path | None) -> "Maker":
    """What makes the estimator in every process; says on standard error which one it is, and why."""
    from dpa.device import pick_device
    from dpa.flow.batch import Maker
    from dpa.flow.estimator import choose

    place = pick_device("cpu" if estimator.startswith("dis") and device == "auto" else device)
    name, why = choose(estimator, place)
    typer.echo(why, err=True)
    return Maker(name, place, weights)


def flow_processes(maker: "Maker", jobs: int | None) -> int:
    """How many processes; RAFT fills its device from one."""
    import os

    return jobs or (1 if maker.name.startswith("raft") else os.cpu_count() or 1)


def show(label: str, steps: Iterable[int], done: int, total: int | None) -> int:
    """Draw a progress bar while things are written; gives how many there were, `done` not counted."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    written = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total, completed=done)
        for step in steps:
            written += step
            progress.advance(task, step)
    return written
