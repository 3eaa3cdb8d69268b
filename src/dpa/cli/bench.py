"""`dpa bench`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpa.cli.options import INPUT, OUTPUT, takes_settings

if TYPE_CHECKING:
    from dpa.bench.report import Comparison, Report

_TABLE_WIDTH = 100  # narrower terminals fold the lines; Rich would cut the figures


@takes_settings()
def bench(
    video: Annotated[
        Path | None,
        typer.Option(
            help="A video or folder of frames; default a generated clip of 854 x 480.",
            show_default=False,
            rich_help_panel=INPUT,
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=2, help="Of the video, from its start.", rich_help_panel=INPUT)
    ] = 24,
    repeats: Annotated[int, typer.Option(min=3, help="Of every stage, at most.")] = 10,
    seconds: Annotated[
        float, typer.Option(min=0, help="After so long a stage is not repeated, once there are three.")
    ] = 60.0,
    paper_way: Annotated[
        bool,
        typer.Option(
            "--paper-way",
            help="Compare the paper's way, references encoded again for every frame, with the cached way.",
        ),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write all figures as JSON; - for stdout.", rich_help_panel=OUTPUT),
    ] = None,
    *,
    settings: dict[str, Any],
) -> None:
    """Measure speed, memory and arithmetic on this machine, stage by stage and end to end.

    Every stage runs in a process of its own: warm-up, then the median of several repeats and their quartiles.
    Let nothing else run meanwhile. A network without weights here is measured with random ones.
    """
    from dataclasses import replace

    from dpa.bench.run import run_stages, run_ways
    from dpa.bench.settings import BenchSettings
    from dpa.device import pick_device
    from dpa.flow.estimator import choose

    device = pick_device(settings.pop("device", "auto"))
    settings["flow"] = choose(settings.get("flow", "auto"), device)[0]
    if "weights" in settings:
        settings["weights"] = str(settings["weights"])
    with _clip(video, frames) as path:
        measured = BenchSettings(
            video=str(path), device=device, frames=frames, repeats=repeats, seconds=seconds, **settings
        )
        report = (run_ways if paper_way else run_stages)(
            measured, lambda stage: typer.echo(f"measuring: {stage}", err=True)
        )
    if video is None:
        report.settings = replace(measured, video="generated clip")
    _show(report, json_file)
    if report.comparison is not None:
        report.comparison.check()


@contextmanager
def _clip(video: Path | None, frames: int) -> Iterator[Path]:
    """The video of choice, or a generated one."""
    import tempfile

    if video is not None:
        yield video
        return
    from dpa.example import Scene, write_clip

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, Scene(480, 854, frames))
        yield path


def _show(report: "Report", json_file: Path | None) -> None:
    import json

    from dpa.files import write_whole

    text = json.dumps(report.to_dict(), indent=2) + "\n"
    if json_file == Path("-"):
        typer.echo(text, nl=False)
        return
    for line in _heading(report):
        typer.echo(line)
    _table(report)
    if report.comparison is not None:
        typer.echo(_compared(report.comparison))
    for note in report.notes:
        typer.echo(f"note: {note}")
    if json_file is not None:
        write_whole(json_file, text.encode())


def _heading(report: "Report") -> Iterator[str]:
    m, n, s, r = report.machine, report.network, report.settings, report.rate
    place = m.get("gpu") or f"{m['processor']}, cores: {m['cores']}"
    yield f"{place}; network on {s.threads or 'all'} threads; load before: {m['load_before']}"
    libraries = ", ".join(f"{name} {number}" for name, number in m["libraries"].items())
    commit = f" ({m['commit']})" if m["commit"] else ""
    yield f"{m['system']}, python {m['python']}, dpa {m['dpa']}{commit}, {libraries}"
    height, width = n["input_size"]
    run = f"{s.model}, {n.get('precision', s.in_precision)} on {s.device} ({n['backend']})"
    yield f"{run}, input {width} x {height}, {n['references']} references; video: {s.video}"
    rate = r["flops_per_second"] / 1e9
    yield f"matrix product: {rate:.1f} GFLOP/s ({r['library']}, {r['precision']}, best of {r['runs']} runs)"


def _table(report: "Report") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=0, collapse_padding=True)
    table.add_column("stage", no_wrap=True)
    for name in ("ms/frame", "quartiles", "frames/s", "peak MiB", "GFLOP", "of rate"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.rows:
        f = report.figures(row.measured)
        times = f["milliseconds"]
        table.add_row(
            "  " * row.indent + row.name,
            f"{times['median']:.2f}",
            " - ".join(f"{value:.2f}" for value in times["quartiles"]),
            f"{f['frames_per_second']:.1f}",
            _memory(f["peak_memory_mib"], f["loaded_memory_mib"]),
            _number(f["gflop_per_frame"], "{:.2f}"),
            _number(f["share_of_matrix_rate"], "{:.0%}"),
        )
    console = Console()
    console.width = max(console.width, _TABLE_WIDTH)
    console.print(table)


def _memory(peak: float | None, loaded: float | None) -> str:
    """The peak, and how much of it came with the work."""
    return _number(peak, "{:.0f}") + ("" if peak is None or loaded is None else f" (+{peak - loaded:.0f})")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _compared(c: "Comparison") -> str:
    flops = f", {c.flop_ratio:.2f} times the FLOPs" if c.flop_ratio else ""
    return (
        f"ratio: the paper's way takes {c.ratio:.2f} times as long a frame{flops}; the cached way takes "
        f"{1000 * c.once:.1f} ms once a video for its references\n"
        f"masks: probabilities differ by at most {c.difference:.1e} (allowed: {c.tolerance:g}), "
        f"{c.pixels:.4%} of the masks' pixels differ"
    )
