"""`dpa prepare`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dpa.cli.options import FLOW, SPEED, FlowDevice, FlowWeights, OwnFlowFloor, OwnFlowSize

if TYPE_CHECKING:
    from dpa.flow.pictures import Look
    from dpa.prepare.flow_batch import Maker
    from dpa.prepare.records import Keep, Options, Part
    from dpa.prepare.write import Result

Counts = Counter[tuple[str, str]]


def prepare(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="duts, davis, ytvos, fbms, ytobj, longvideos, davsod, visal, segtrack-v2, moca, "
            "or folder for your own.",
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE", help="The archive: a zip file, a folder of zip files, or what was unpacked."
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET", help="Gets TARGET/DAVIS_train and so on; with folder, the data set itself."
        ),
    ],
    flow: Annotated[
        str,
        typer.Option(
            help="raft-large, raft-small, dis, dis-fast, dis-ultrafast, auto, or none for no FLOW.",
            rich_help_panel=FLOW,
        ),
    ] = "auto",
    flow_size: OwnFlowSize = None,
    flow_floor: OwnFlowFloor = 0.0,
    flow_weights: FlowWeights = None,
    device: FlowDevice = "auto",
    year: Annotated[int | None, typer.Option(help="davis: lists of 2016 (default) or 2017.")] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            help="all or annotated: which frames to keep of videos with few masks. Default: all for testing, "
            "annotated for training; all for folder."
        ),
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="folder: the folder of pictures or videos in SOURCE.")
    ] = None,
    masks: Annotated[str | None, typer.Option(help="folder: the folder of masks in SOURCE.")] = None,
    threshold: Annotated[
        int | None,
        typer.Option(min=0, max=254, help="folder: grey values above it are the object; default 0."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; default one a CPU, for RAFT's flow one.", rich_help_panel=SPEED),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make existing flow pictures anew.")] = False,
) -> None:
    """Bring a public archive, or pictures and masks of your own, into the layout that training reads.

    What is there already is kept, so a run that was broken off goes on where it stopped. Files that cannot be
    read are named and counted, and the rest is written; the exit code is then 1.
    """
    import os

    from dpa.cli.flow import flow_processes, pick_maker
    from dpa.cli.progress import count_up
    from dpa.errors import InputError
    from dpa.flow.pictures import Look, make_recipe
    from dpa.prepare.flow import claim_flow
    from dpa.prepare.plan import plan, write

    work = plan(dataset, source, target, _options(year, frames, images, masks, threshold))
    moving = [part for part in work.parts if flow != "none" and not part.stills]
    look = Look(flow_size, flow_floor)
    maker = pick_maker(flow, device, flow_weights) if moving else None
    recipe = make_recipe(maker(), look) if maker else {}
    work.claim()
    for part in moving:
        claim_flow(target / part.name, recipe, overwrite)
    counts: Counts = Counter()
    count_up("frames", _counted(write(work, jobs or os.cpu_count() or 1), counts), 0, work.results)
    for part in work.parts:
        more = ""
        if part in moving and maker is not None:
            more = _flow(part, target, maker, look, flow_processes(maker, jobs))
        typer.echo(f"{target / part.name}: {_told(counts, part)}{more}")
    failed = sum(count for (_, state), count in counts.items() if state == "failed")
    if failed:
        raise InputError(f"{failed} frames or masks could not be read, see above; all the rest is written")


def _options(
    year: int | None, frames: str | None, images: str | None, masks: str | None, threshold: int | None
) -> "Options":
    from dpa.errors import InputError
    from dpa.prepare.records import Options

    if frames not in (None, "all", "annotated"):
        raise InputError(f"--frames {frames}: choose all or annotated")
    if year not in (None, 2016, 2017):
        raise InputError(f"--year {year}: choose 2016 or 2017")
    return Options(year, cast("Keep | None", frames), images, masks, threshold)


def _counted(results: "Iterable[Result]", counts: Counts) -> Iterator[int]:
    """Counts what became of the frames, and names those that could not be read at once."""
    for result in results:
        counts[result.part, result.state] += 1
        if result.problem:
            typer.echo(f"dpa: {result.problem}", err=True)
        yield 1


def _told(counts: Counts, part: "Part") -> str:
    told = f"{counts[part.name, 'written']} frames written, {counts[part.name, 'kept']} kept"
    failed = counts[part.name, "failed"]
    return f"{told}, {failed} could not be read" if failed else told


def _flow(part: "Part", target: Path, maker: "Maker", look: "Look", processes: int) -> str:
    from dpa.cli.progress import count_up
    from dpa.prepare.flow import count_flow, write_flow

    total, kept = count_flow(target / part.name)
    written = count_up("flow", write_flow(part, target, maker, look, processes), kept, total)
    return f"; {written} flow pictures written, {kept} kept"
