"""`dpa compare`."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    reports: Annotated[
        list[Path],
        typer.Argument(metavar="REPORT...", help="Two or more files of `dpa evaluate --json`."),
    ],
    by: Annotated[
        str | None,
        typer.Option(help="Measure of the differences; default JF, with saliency S.", show_default=False),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page here.", show_default=False)] = None,
) -> None:
    """Put evaluations of the same frames side by side; sequences are sorted by difference to the first."""
    from dpa.cli.evaluate import check_folders, print_tables
    from dpa.evaluate.compare import compare as compare_reports
    from dpa.evaluate.page import comparison_page, environment
    from dpa.evaluate.table import comparison_tables
    from dpa.files import write_whole

    check_folders(html)
    if html is not None:
        environment()
    comparison = compare_reports(reports, by)
    print_tables(comparison_tables(comparison))
    for note in comparison.notes:
        typer.echo(f"note: {note}", err=True)
    if html is not None:
        write_whole(html, comparison_page(comparison).encode())
