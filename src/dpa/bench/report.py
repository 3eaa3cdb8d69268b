"""What was measured, as a table and as JSON."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dpa.bench.measure import Measured
from dpa.bench.settings import TOLERANCE, BenchSettings
from dpa.errors import DPAError


@dataclass(frozen=True)
class Row:
    """One stage."""

    name: str
    measured: Measured
    indent: int = 0


@dataclass(frozen=True)
class Comparison:
    """The paper's way beside the cached one.

    Attributes:
        difference: the largest one of two probabilities.
        tolerance: what `difference` may be.
        pixels: share of mask pixels that differ.
        ratio: of the median times of a query frame, paper's by cached.
        flop_ratio: likewise of the operations counted.
        once: seconds that the cached way takes once a video, for its references.
    """

    difference: float
    tolerance: float
    pixels: float
    ratio: float
    flop_ratio: float | None
    once: float

    @classmethod
    def of(
        cls,
        found: dict[str, np.ndarray],
        ways: dict[str, Measured],
        flops: dict[str, float],
        precision: str,
    ) -> "Comparison":
        """Compare probabilities, (queries, h, w) a way, and times."""
        paper, cached = found["paper"], found["cached"]
        return cls(
            float(np.abs(paper - cached).max()),
            TOLERANCE[precision],
            float(np.mean((paper > 0.5) != (cached > 0.5))),
            float(np.median(ways["paper"].seconds) / np.median(ways["cached"].seconds)),
            flops["paper"] / flops["cached"] if flops else None,
            ways["cached"].facts["seconds_once"],
        )

    def check(self) -> None:
        """Raises DPAError where the masks of the two ways do not agree."""
        if not self.difference <= self.tolerance:
            raise DPAError(
                f"the two ways do not agree: their probabilities differ by up to {self.difference:.2g}, "
                f"more than {self.tolerance:g}"
            )


@dataclass
class Report:
    """All figures of one run.

    Attributes:
        settings: what was asked for.
        machine: see `dpa.bench.machine.describe`.
        rate: of matrix products, see `dpa.bench.machine.multiply_rate`.
        network: backend, weights, input size and configuration.
        rows: the stages in the order of the table.
        flops: all that was counted.
        comparison: with --paper-way.
        notes: what is to be known when reading the figures.
    """

    settings: BenchSettings
    machine: dict[str, Any]
    rate: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    flops: dict[str, float] = field(default_factory=dict)
    comparison: Comparison | None = None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "settings": asdict(self.settings)
            | {"precision": self.network.get("precision", self.settings.in_precision)},
            "machine": self.machine,
            "matrix_product": self.rate,
            "network": self.network,
            "stages": {row.name: self.figures(row.measured) for row in self.rows},
            "flops": self.flops,
            "comparison": asdict(self.comparison) if self.comparison else None,
            "notes": self.notes,
        }

    def figures(self, measured: Measured) -> dict[str, Any]:
        """One stage's figures: median, quartiles and range of its times, and what follows from them."""
        seconds = np.array(measured.seconds)
        low, median, high = (float(q) for q in np.percentile(seconds, [25, 50, 75]))
        rate = measured.flops / median if measured.flops and median else None
        share = rate / self.rate["flops_per_second"] if rate and self.rate else None
        return {
            "milliseconds": {
                "median": 1000 * median,
                "quartiles": [1000 * low, 1000 * high],
                "range": [1000 * float(seconds.min()), 1000 * float(seconds.max())],
                "repeats": len(seconds),
            },
            "frames_per_second": 1 / median if median else None,
            "peak_memory_mib": None if measured.memory is None else measured.memory / 2**20,
            "loaded_memory_mib": None if measured.loaded is None else measured.loaded / 2**20,
            "gflop_per_frame": None if measured.flops is None else measured.flops / 1e9,
            "share_of_matrix_rate": share,
        }
