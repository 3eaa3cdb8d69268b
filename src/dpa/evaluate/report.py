"""What an evaluation found: figures by data set, class, sequence and frame; as JSON and CSV."""

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dpa._version import __version__
from dpa.errors import InputError
from dpa.evaluate.protocols import PROTOCOLS
from dpa.files import write_whole


@dataclass(frozen=True)
class SequenceReport:
    """One sequence.

    Attributes:
        name, group: of the sequence, and its class or "".
        frames: names of the scored frames.
        values: by measure, one value a frame.
        figures: by measure, of the whole sequence.
    """

    name: str
    group: str
    frames: tuple[str, ...]
    values: dict[str, list[float]]
    figures: dict[str, float]


@dataclass(frozen=True)
class Report:
    """One evaluation; all values are fractions.

    Attributes:
        protocol: name of the protocol.
        masks, ground_truth: the folders, as they were given.
        settings: threshold, resize, merge, stability.
        sequences: in the order of their names.
        figures: of the data set.
        classes: figures by class, in a protocol that has classes, and the number of sequences.
        version: of the package that measured.
    """

    protocol: str
    masks: str
    ground_truth: str
    settings: dict[str, Any]
    sequences: tuple[SequenceReport, ...]
    figures: dict[str, float]
    classes: dict[str, dict[str, float]] = field(default_factory=dict)
    version: str = __version__

    @property
    def frames(self) -> int:
        """Number of scored frames."""
        return sum(len(sequence.frames) for sequence in self.sequences)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the figures, in the order in which they are shown."""
        return tuple(self.figures)

    @property
    def class_mean(self) -> dict[str, float]:
        """Means of the classes' figures, each class weighing the same."""
        rows = list(self.classes.values())
        return {name: sum(row[name] for row in rows) / len(rows) for name in self.measures if rows}

    def as_json(self) -> dict[str, Any]:
        """The figures at the top, the rest below: JSON values only."""
        sequences = {
            one.name: {
                **one.figures,
                **({"class": one.group} if one.group else {}),
                "frames": {"name": list(one.frames), **one.values},
            }
            for one in self.sequences
        }
        return {
            **self.figures,
            **({"class_mean": self.class_mean, "classes": self.classes} if self.classes else {}),
            "protocol": self.protocol,
            "version": self.version,
            "frames": self.frames,
            "masks": self.masks,
            "truth": self.ground_truth,
            "settings": self.settings,
            "sequences": sequences,
        }

    def write_json(self, path: Path) -> None:
        """Write the report for programs and for `dpa compare`.

        Raises:
            OutputError: it cannot be written.
        """
        write_whole(path, (json.dumps(self.as_json(), indent=1) + "\n").encode())

    def write_csv(self, path: Path) -> None:
        """Write one row per sequence, fractions.

        Raises:
            OutputError: it cannot be written.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        group = ["class"] if self.classes else []
        rows.writerow(["sequence", *group, "frames", *self.measures])
        for one in self.sequences:
            numbers = [f"{one.figures[name]:.6f}" for name in self.measures]
            rows.writerow([one.name, *([one.group] if group else []), len(one.frames), *numbers])
        write_whole(path, text.getvalue().encode())


def read_report(path: str | Path) -> Report:
    """A report that `Report.write_json` wrote.

    Raises:
        InputError: it is not there, or it is something else.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes())
        figures = {name: float(value) for name, value in data.items() if isinstance(value, float | int)}
        del figures["frames"]
        report = Report(
            data["protocol"],
            data["masks"],
            data["truth"],
            data["settings"],
            tuple(_sequence(name, one) for name, one in data["sequences"].items()),
            figures,
            data.get("classes", {}),
            data["version"],
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is no report of `dpa evaluate --json`") from error
    if report.protocol not in PROTOCOLS:
        raise InputError(f"{path}: its protocol {report.protocol!r} is unknown here; measure again")
    return report


def _sequence(name: str, data: dict[str, Any]) -> SequenceReport:
    frames = dict(data["frames"])
    names = tuple(frames.pop("name"))
    figures = {key: float(value) for key, value in data.items() if isinstance(value, float | int)}
    if any(len(values) != len(names) for values in frames.values()):
        raise ValueError(name)
    return SequenceReport(name, data.get("class", ""), names, frames, figures)
