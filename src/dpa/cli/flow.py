"""`dpa flow`, and what `dpa prepare` has in common with it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dpa.cli.options import (
    FLOW,
    FLOWS,
    OUTPUT,
    SPEED,
    FlowDevice,
    FlowWeights,
    Overwrite,
    OwnFlowFloor,
    OwnFlowSize,
)

if TYPE_CHECKING:
    from dpa.prepare.flow_batch import Maker


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
    estimator: Annotated[str, typer.Option("--flow", help=f"{FLOWS}.", rich_help_panel=FLOW)] = "auto",
    flow_size: OwnFlowSize = None,
    flow_floor: OwnFlowFloor = 0.0,
    flow_weights: FlowWeights = None,
    device: FlowDevice = "auto",
    gap: Annotated[
        int,
        typer.Option(
            help="Flow from frame t to frame t + GAP; below 0 it leads back, -1 to the frame before.",
            rich_help_panel=FLOW,
        ),
    ] = 1,
    quality: Annotated[int, typer.Option(min=1, max=100, help="JPEG quality.", rich_help_panel=OUTPUT)] = 95,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes, for data sets; default one a CPU, with RAFT one.", rich_help_panel=SPEED
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write optical flow pictures, and flow.json that says how they were made.

    Existing pictures of the same recipe are kept, so a run that was broken off goes on where it stopped.
    """
    from dpa.cli.progress import count_up
    from dpa.errors import InputError
    from dpa.flow.pictures import Look, claim, make_recipe
    from dpa.prepare.flow_batch import plan, run

    if gap == 0:
        raise InputError("--gap 0 is the flow of a frame to itself: give 1, 2, … or -1, -2, …")
    maker = pick_maker(estimator, device, flow_weights)
    look = Look(flow_size, flow_floor, quality, gap)
    work = plan(source, out)
    existing = [path for job in work for path in job.existing()]
    claim(out, make_recipe(maker(), look, work[0].video), existing, overwrite)
    kept = 0 if overwrite else len(existing)
    total = sum(len(job.names) for job in work)
    written = count_up("flow", run(work, maker, look, flow_processes(maker, jobs)), kept, total)
    typer.echo(f"{out}: {written} flow pictures written, {kept} kept")


def pick_maker(estimator: str, device: str, weights: Path | None) -> "Maker":
    """What makes the estimator in every process; says on standard error which one it is, and why."""
    from dpa.device import pick_device
    from dpa.flow.estimator import choose
    from dpa.prepare.flow_batch import Maker

    place = pick_device("cpu" if estimator.startswith("dis") and device == "auto" else device)
    name, why = choose(estimator, place)
    typer.echo(why, err=True)
    return Maker(name, place, weights)


def flow_processes(maker: "Maker", jobs: int | None) -> int:
    """How many processes; RAFT fills its device from one."""
    import os

    return jobs or (1 if maker.name.startswith("raft") else os.cpu_count() or 1)
