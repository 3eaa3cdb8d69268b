"""`dpa evaluate`."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    masks: Annotated[
        Path,
        typer.Argument(
            metavar="MASKS",
            help="Masks to score: SEQ/*.png, SEQ/GT/*.png, or one sequence.",
            show_default=False,
        ),
    ],
    ground_truth: Annotated[
        Path,
        typer.Argument(
            metavar="GT",
            help="Annotations, laid out likewise, or DAVIS or Long-Videos as unpacked.",
            show_default=False,
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(
            help="davis16, davis17-unsupervised-merged, fbms, ytobj, longvideos, segtrack-v2, moca, "
            "saliency, davsod or visal."
        ),
    ] = "davis16",
    threshold: Annotated[
        float | None,
        typer.Option(help="Cut soft masks here, as a share of white, at least 0 and below 1; 0.5 is usual."),
    ] = None,
    resize: Annotated[
        bool, typer.Option("--resize", help="Bring masks of another size to their annotation's.")
    ] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Make all ids of a picture one object.")] = False,
    stability: Annotated[
        bool,
        typer.Option(
            "--stability",
            help="Add our own figures of flicker: IoU with the mask before, warped by flow, and the share of "
            "steps at which the object changes.",
        ),
    ] = False,
    ghosts: Annotated[
        Path | None,
        typer.Option(
            help="Add our own figure of ghosts, half-transparent pieces away from the border: cut-outs "
            "(--kind rgba) or soft masks, laid out like MASKS.",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        Path | None,
        typer.Option(help="The frames, laid out likewise; default RGB/ beside GT/.", show_default=False),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write a row per sequence here.", show_default=False)
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write everything here, for `dpa compare`.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with curves and worst frames here.", show_default=False)
    ] = None,
    worst: Annotated[int, typer.Option(min=0, help="Number of worst frames on the page.")] = 12,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Threads; default one a CPU.", show_default=False)
    ] = None,
) -> None:
    """Score masks against annotations by a written protocol.

    What would give a wrong figure is refused: soft masks, other sizes, missing or extra frames, several ids.
    """
    from itertools import count

    from dpa.cli.progress import progress_bar
    from dpa.evaluate.page import environment, evaluation_page
    from dpa.evaluate.pairs import find_pairs
    from dpa.evaluate.protocols import find_protocol
    from dpa.evaluate.public import find_annotations, variant
    from dpa.evaluate.run import Settings, score
    from dpa.evaluate.table import report_tables
    from dpa.files import write_whole

    settings = Settings(find_protocol(protocol), threshold, resize, merge, stability, ghosts)
    # What stands in the way of the results is said before the work, not after.
    check_folders(csv, json, html)
    if html is not None:
        environment()
    place, only = find_annotations(ground_truth, settings.protocol)
    sequences = find_pairs(masks, place, settings.protocol, frames, only)
    total, done = sum(len(one.pairs) for one in sequences), count(1)
    with progress_bar("frames") as update:
        told = lambda: update(next(done), total, "")  # noqa: E731
        report = score(sequences, settings, str(masks), str(ground_truth), jobs, told)
    what, as_published = variant(sequences, settings.protocol)
    where = place if only is None else f"{place}, the {len(only)} sequences of its test list"
    typer.echo(f"{'annotations' if as_published else 'warning'}: {where}: {what}", err=True)
    print_tables(report_tables(report))
    if csv is not None:
        report.write_csv(csv)
    if json is not None:
        report.write_json(json)
    if html is not None:
        write_whole(html, evaluation_page(report, sequences, settings, worst).encode())


def check_folders(*paths: Path | None) -> None:
    """Raise OutputError where a file's folder is not there."""
    from dpa.errors import OutputError

    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise OutputError(f"{path}: the folder {path.parent} does not exist: make it first")


def print_tables(tables: list) -> None:
    """Print Rich tables; not cut to 80 columns where nobody looks at them in a terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    for table in tables:
        console.print(table)
