"""Several reports side by side: the same data, other methods or runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dpa.errors import InputError
from dpa.evaluate.protocols import find_protocol
from dpa.evaluate.report import Report, SequenceReport, read_report

#: Figures of which less is better.
LOW_IS_GOOD = frozenset({"MAE", "J_decay", "F_decay", "changes", "ghosts", "ghosts_worst"})


@dataclass(frozen=True)
class Row:
    """One sequence.

    Attributes:
        name: of the sequence.
        values: of the measure, by report.
        differences: of the reports after the first, to the first.
    """

    name: str
    values: list[float]
    differences: list[float]


@dataclass(frozen=True)
class Comparison:
    """Reports of the same frames under the same protocol.

    Attributes:
        reports: each with its label.
        measure: that the rows compare.
        measures: that all reports have.
        rows: sequences, sorted by their largest loss against the first report: the worst comes first.
        mean: of the data set.
        notes: in what the reports' settings differ, sentences.
    """

    reports: list[tuple[str, Report]]
    measure: str
    measures: tuple[str, ...]
    rows: list[Row]
    mean: Row
    notes: list[str]

    @property
    def labels(self) -> list[str]:
        """The reports' names, all different."""
        return [label for label, _ in self.reports]

    @property
    def protocol(self) -> str:
        """Name of the protocol of all reports."""
        return self.reports[0][1].protocol


def compare(paths: Sequence[str | Path], measure: str | None = None) -> Comparison:
    """Compare reports that `dpa evaluate --json` wrote.

    Args:
        paths: two or more; the first is what the others are compared with.
        measure: of the rows; None is J&F, S of soft maps, J of boxes.

    Raises:
        InputError: a file is no report, or the reports are not of the same frames and protocol.
    """
    if len(paths) < 2:
        raise InputError(
            "compare needs two reports or more: REPORT REPORT ..., made by `dpa evaluate --json`"
        )
    files = [Path(path) for path in paths]
    reports = list(zip(_labels(files), (read_report(path) for path in files), strict=True))
    for path, (_, report) in zip(files[1:], reports[1:], strict=True):
        _check_same(files[0], reports[0][1], path, report)
    measures = tuple(m for m in reports[0][1].measures if all(m in report.figures for _, report in reports))
    measure = measure or find_protocol(reports[0][1].protocol).headline
    if measure not in measures:
        raise InputError(f"unknown measure {measure!r}: these reports all have {', '.join(measures)}")
    by_name = [{one.name: one for one in report.sequences} for _, report in reports]
    rows = [_row(name, [of[name].figures[measure] for of in by_name]) for name in by_name[0]]
    sign = -1 if measure in LOW_IS_GOOD else 1
    rows.sort(key=lambda row: min(sign * difference for difference in row.differences))
    mean = _row("all" if measure == "S" else "mean", [report.figures[measure] for _, report in reports])
    return Comparison(reports, measure, measures, rows, mean, _notes(reports))


def frame_values(sequence: SequenceReport, measure: str) -> tuple[str, list[float]]:
    """What to draw of a sequence for a measure: its name and values by frame, of the nearest there is."""
    if measure in sequence.values:
        return measure, sequence.values[measure]
    if "J" not in sequence.values:
        return "S", sequence.values["S"]
    if measure == "JF":
        return measure, [(j + f) / 2 for j, f in zip(sequence.values["J"], sequence.values["F"], strict=True)]
    name = "F" if measure.startswith("F") else "J"
    return name, sequence.values[name]


def _row(name: str, values: list[float]) -> Row:
    return Row(name, values, [value - values[0] for value in values[1:]])


def _labels(files: list[Path]) -> list[str]:
    """File names without suffix; with their folders where these agree."""
    for parts in (1, 2, 3):
        labels = ["/".join([*path.resolve().parts[-parts:-1], path.stem]) for path in files]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{index + 1}: {path.stem}" for index, path in enumerate(files)]


def _check_same(first: Path, report: Report, path: Path, other: Report) -> None:
    if other.protocol != report.protocol:
        raise InputError(
            f"{path}: measured by {other.protocol}, but {first} by {report.protocol}: choose one"
        )
    frames = [{one.name: one.frames for one in each.sequences} for each in (report, other)]
    for name in [*frames[0], *frames[1]]:
        here, there = frames[1].get(name), frames[0].get(name)
        if here is None or there is None:
            lacking, having = (path, first) if here is None else (first, path)
            raise InputError(
                f"{lacking}: has no sequence {name}, which {having} has: measure both on the same"
            )
        if here != there:
            raise InputError(
                f"{path}: scores other frames of {name} than {first} ({len(here)} and {len(there)}): measure "
                "both with the same annotations"
            )


def _notes(reports: list[tuple[str, Report]]) -> list[str]:
    notes = []
    for name in ("threshold", "resize", "merge"):
        values = [report.settings.get(name) for _, report in reports]
        if any(value != values[0] for value in values):
            each = ", ".join(f"{label} {value}" for (label, _), value in zip(reports, values, strict=True))
            notes.append(f"measured with different settings of {name}: {each}")
    return notes
