"""Reports as tables for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from dpa.evaluate.compare import Comparison
from dpa.evaluate.protocols import PROTOCOLS, SALIENCY_MEASURES, SUCCESS
from dpa.evaluate.report import Report

#: How figures are named in tables and pages.
LABELS = {
    "J": "J",
    "J_recall": "J recall",
    "J_decay": "J decay",
    "F": "F",
    "F_recall": "F recall",
    "F_decay": "F decay",
    "JF": "J&F",
    "stability": "stability (ours)",
    "changes": "changes (ours)",
    "ghosts": "ghosts (ours)",
    "ghosts_worst": "worst frame's ghosts",
    **{f"success_{t}": f"success {t}" for t in SUCCESS},
    "success": "success",
    "MAE": "MAE",
    "F_max": "max Fβ",
    "F_mean": "mean Fβ",
    "F_adaptive": "adaptive Fβ",
    "F_weighted": "weighted Fβ",
    "S": "S",
    "E_max": "max E",
    "E_mean": "mean E",
}
_FRACTIONS = frozenset(SALIENCY_MEASURES)


def shown(name: str, value: float, sign: bool = False) -> str:
    """A figure as papers print it: percent with one decimal, saliency measures as fractions with three."""
    plus = "+" if sign else ""
    return f"{value:{plus}.3f}" if name in _FRACTIONS else f"{100 * value:{plus}.1f}"


def headline(report: Report) -> str:
    """What was measured, in a line."""
    unit = "fractions" if "MAE" in report.figures else "percent"
    return f"{report.protocol}: {len(report.sequences)} sequences, {report.frames} frames, {unit}"


def report_tables(report: Report) -> list[Table]:
    """The sequences and their mean; then the classes, where there are any."""
    protocol = PROTOCOLS[report.protocol]
    whole = "all" if protocol.saliency and not protocol.by_sequence else "mean"
    rows = [(one.name, len(one.frames), one.figures) for one in report.sequences]
    tables = [_table(headline(report), "sequence", "frames", rows, [(whole, report.frames, report.figures)])]
    if report.classes:
        classes = [(name, int(row["sequences"]), row) for name, row in report.classes.items()]
        means = [
            ("mean of classes", len(report.sequences), report.class_mean),
            ("mean of sequences", len(report.sequences), report.figures),
        ]
        tables.append(_table("by class", "class", "sequences", classes, means))
    return tables


def comparison_tables(comparison: Comparison) -> list[Table]:
    """The reports side by side; then a row per sequence, with differences, worst first."""
    whole = Table(title=f"{comparison.protocol}, data set", box=SIMPLE_HEAD, title_justify="left")
    whole.add_column("report", no_wrap=True)
    for name in comparison.measures:
        whole.add_column(LABELS[name], justify="right", no_wrap=True)
    for label, report in comparison.reports:
        whole.add_row(label, *(shown(name, report.figures[name]) for name in comparison.measures))
    measure, first = comparison.measure, comparison.labels[0]
    rows = Table(title=f"{LABELS[measure]} by sequence, less that of {first}", box=SIMPLE_HEAD)
    rows.title_justify = "left"
    rows.add_column("sequence", no_wrap=True)
    for label in comparison.labels:
        rows.add_column(label, justify="right", no_wrap=True)
        if label != first:
            rows.add_column("difference", justify="right", no_wrap=True)
    for row in [*comparison.rows, comparison.mean]:
        cells = [shown(measure, row.values[0])]
        for value, difference in zip(row.values[1:], row.differences, strict=True):
            cells += [shown(measure, value), shown(measure, difference, sign=True)]
        if row is comparison.mean:
            rows.add_section()
        rows.add_row(row.name, *cells)
    return [whole, rows]


def _table(
    title: str,
    kind: str,
    count: str,
    rows: list[tuple[str, int, dict[str, float]]],
    last: list[tuple[str, int, dict[str, float]]],
) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    measures = list(last[0][2])
    table.add_column(kind, no_wrap=True)
    for name in (count, *(LABELS[measure] for measure in measures)):
        table.add_column(name, justify="right")
    for name, number, figures in rows:
        table.add_row(name, str(number), *(shown(m, figures[m]) for m in measures))
    table.add_section()
    for name, number, figures in last:
        table.add_row(name, str(number), *(shown(m, figures[m]) for m in measures), style="bold")
    return table
