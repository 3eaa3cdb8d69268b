"""Curves as points of SVG polylines."""

from collections.abc import Sequence
from typing import NamedTuple

#: Size of a chart's plane in SVG units; the templates draw axes around it.
WIDTH, HEIGHT = 320, 120


class Line(NamedTuple):
    """One curve.

    Attributes:
        label: in the legend.
        colour: its number, from 0.
        points: "x,y x,y ..." for `<polyline>`.
        alone: (x, y) of the only point, which no line can show; else None.
    """

    label: str
    colour: int
    points: str
    alone: tuple[float, float] | None


def lines(curves: Sequence[tuple[str, Sequence[float]]]) -> list[Line]:
    """Curves of values in [0, 1] by frame, drawn from left to right; 1 is at the top."""
    drawn = []
    for index, (label, values) in enumerate(curves):
        places = [_place(i, value, len(values)) for i, value in enumerate(values)]
        points = " ".join(f"{x:g},{y:g}" for x, y in places)
        drawn.append(Line(label, index, points, places[0] if len(places) == 1 else None))
    return drawn


def _place(i: int, value: float, count: int) -> tuple[float, float]:
    x = WIDTH / 2 if count == 1 else WIDTH * i / (count - 1)
    return round(x, 1), round(HEIGHT * (1 - value), 1)
