"""Reports as pages: one HTML file each, no script, nothing loaded from elsewhere."""

from typing import Any

from dpa.errors import MissingExtra
from dpa.evaluate import charts, pictures
from dpa.evaluate.compare import LOW_IS_GOOD, Comparison, frame_values
from dpa.evaluate.pairs import PairedSequence
from dpa.evaluate.report import Report, SequenceReport
from dpa.evaluate.run import Settings
from dpa.evaluate.table import LABELS, headline, shown


def environment() -> Any:
    """The jinja2 environment with this package's templates; text is escaped.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise MissingExtra("an HTML page", extra="evaluate") from error
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("dpa.evaluate"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"labels": LABELS, "shown": shown, "width": charts.WIDTH, "height": charts.HEIGHT}
    return made


def evaluation_page(report: Report, sequences: list[PairedSequence], settings: Settings, worst: int) -> str:
    """The page of one evaluation: figures, curves by frame, the worst frames as pictures.

    Args:
        report: of these sequences.
        sequences, settings: as they were scored; their files are read again for the pictures.
        worst: number of frames to show.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    page: str = (
        environment()
        .get_template("evaluate.html")
        .render(
            report=report,
            headline=headline(report),
            settings=_said(report),
            charts=[(one, charts.lines(_curves(one))) for one in report.sequences],
            legend=[LABELS[name] for name, _ in _curves(report.sequences[0])],
            worst=pictures.worst_frames(report, sequences, settings, worst),
            colours=[f"rgb{colour}" for colour in (pictures.FALSE_POSITIVE, pictures.FALSE_NEGATIVE)],
        )
    )
    return page


def comparison_page(comparison: Comparison) -> str:
    """The page of several reports: figures, differences by sequence, curves of all reports in one chart.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    by_name = [{one.name: one for one in report.sequences} for _, report in comparison.reports]
    drawn = []
    for row in comparison.rows:
        curves = [
            (label, frame_values(of[row.name], comparison.measure)[1])
            for label, of in zip(comparison.labels, by_name, strict=True)
        ]
        drawn.append((row, charts.lines(curves)))
    largest = max((abs(d) for row in comparison.rows for d in row.differences), default=0)
    page: str = (
        environment()
        .get_template("compare.html")
        .render(
            comparison=comparison,
            charts=drawn,
            drawn=frame_values(next(iter(by_name[0].values())), comparison.measure)[0],
            settings=[_said(report) for _, report in comparison.reports],
            scale=50 / largest if largest else 0,  # percent of the bar's box: it has two halves
            sign=-1 if comparison.measure in LOW_IS_GOOD else 1,
        )
    )
    return page


def _curves(sequence: SequenceReport) -> list[tuple[str, list[float]]]:
    names = ("J", "F") if "J" in sequence.values else ("S", "F_mean")
    return [(name, sequence.values[name]) for name in names if name in sequence.values]


def _said(report: Report) -> str:
    """The settings in words."""
    threshold, settings = report.settings.get("threshold"), report.settings
    words = ["masks taken as they are" if threshold is None else f"soft masks cut at {threshold:g}"]
    words += ["other sizes resized"] if settings.get("resize") else []
    words += ["all objects merged"] if settings.get("merge") else []
    return f"{report.masks} against {report.ground_truth}; {', '.join(words)}; dpa {report.version}"
