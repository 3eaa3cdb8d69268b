"""Options that several verbs share, each written once, and the panels in which `--help` shows them."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from dpa.engine.config import SegmenterConfig, worded

INPUT, OUTPUT, NETWORK, FLOW, SPEED = "Input", "Output", "Network", "Flow", "Speed"

FLOWS = "auto, dis, dis-fast, dis-ultrafast, raft-small, raft-large, raft-large-sintel, …"
"""Estimators, for the help of options."""
_FLOOR = "Least motion, in pixels, drawn in full colour; quiets static scenes."


class _Setting(NamedTuple):
    """How a setting of `SegmenterConfig` is asked for; its range is checked there."""

    kind: type
    panel: str
    help: str
    words: tuple[str, ...] = ()


_SETTINGS = {
    "model": _Setting(str, NETWORK, "Network, see `dpa models`."),
    "weights": _Setting(Path, NETWORK, "Weights of your own: a file or a folder."),
    "size": _Setting(int, NETWORK, "Working size, pixels; default the network's own."),
    "keep_aspect": _Setting(
        bool,
        NETWORK,
        "Shape of the network's input; default the network's own.",
        ("--keep-aspect/--square",),
    ),
    "references": _Setting(int, NETWORK, "Reference frames; default the network's own."),
    "flow": _Setting(str, FLOW, f"{FLOWS}; none: the frame itself."),
    "flow_size": _Setting(int, FLOW, "Longer side of the pictures that flow is computed from, pixels."),
    "flow_floor": _Setting(float, FLOW, _FLOOR),
    "threshold": _Setting(float, OUTPUT, "Of the probability, for binary masks."),
    "normalise": _Setting(
        bool,
        OUTPUT,
        "Stretch each frame's probabilities to 0..1, as the paper's release.",
        ("--normalise",),
    ),
    "smooth": _Setting(float, OUTPUT, "Weight of the frames beside a frame, along the flow; 0 is none."),
    "refine": _Setting(
        str, OUTPUT, "auto or off: weak regions decided as a whole, edges at the frame's resolution."
    ),
    "target": _Setting(
        str,
        OUTPUT,
        "auto, dinov2 or off: what the object looks like in the reference frames decides in all frames; "
        "dinov2 sees more, and takes its time.",
    ),
    "dinov2_every": _Setting(
        int, SPEED, "DINOv2, where it is looked at, sees one of N frames; what it says follows the flow."
    ),
    "alpha": _Setting(
        str, OUTPUT, "Of cut-outs: refined, or ramp, half-transparent where the network doubts."
    ),
    "quality": _Setting(
        str,
        SPEED,
        "fast (--every 2), good, or best (--model dpa-base --target dinov2); options that you give win.  "
        "[default: good]",
    ),
    "mirror": _Setting(
        bool,
        OUTPUT,
        "The network sees every second frame mirrored: smoothing then takes out more of its errors.",
        ("--mirror/--no-mirror",),
    ),
    "every": _Setting(int, SPEED, "The network sees every Nth frame; between, masks follow the flow."),
    "shots": _Setting(
        str,
        OUTPUT,
        "Cuts, over which nothing is smoothed or propagated: auto, off, or a file with the starts of shots.",
    ),
    "device": _Setting(str, SPEED, "auto, cpu, cuda, cuda:INDEX or mps."),
    "precision": _Setting(
        str, SPEED, "auto, fp32, int8, fp16 or bf16; auto is int8 on CPUs where there is such a graph."
    ),
    "compiled": _Setting(
        bool, SPEED, "Run the network in torch.compile: slow to start, then faster.", ("--compile",)
    ),
    "threads": _Setting(int, SPEED, "CPU threads of the network; 0 is one per core."),
}

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there.", rich_help_panel=OUTPUT)
]
FlowDevice = Annotated[
    str, typer.Option(help="For RAFT: auto, cpu, cuda, cuda:INDEX or mps.", rich_help_panel=FLOW)
]
OwnFlowSize = Annotated[
    int | None,
    typer.Option(
        "--flow-size",
        min=1,
        help="Longer side of the flow, pixels; default the frame's own.",
        rich_help_panel=FLOW,
    ),
]
OwnFlowFloor = Annotated[
    float,
    typer.Option(
        "--flow-floor",
        min=0,
        help=f"{_FLOOR[:-1]}, 0 is the paper's drawing.",
        rich_help_panel=FLOW,
    ),
]
FlowWeights = Annotated[
    Path | None,
    typer.Option("--flow-weights", help="RAFT's weights file; else torch hub's cache.", rich_help_panel=FLOW),
]
TrainConfig = Annotated[
    str, typer.Argument(help="Settings: a name inside the package (mobile, ...) or a YAML file.")
]
TrainDevice = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
TrainResume = Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")]
TrainOverwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run that the folder holds.")]


def takes_settings(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a verb the options of `SegmenterConfig`; it gets those that the user gave as a dict, `settings`.

    Args:
        left_out: settings that the verb asks for in words of its own, or not at all.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        names = [name for name in _SETTINGS if name not in left_out]

        @wraps(verb)
        def run(**given: Any) -> None:
            asked = {name: given.pop(name) for name in names}
            verb(
                **given, settings=worded({name: value for name, value in asked.items() if value is not None})
            )

        own = [p for p in signature(verb).parameters.values() if p.name != "settings"]
        parameters = [*own, *map(_parameter, names)]
        # What Typer reads instead of the function's own.
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameter(name: str) -> Parameter:
    setting = _SETTINGS[name]
    default = next((field.default for field in fields(SegmenterConfig) if field.name == name), None)
    shown = f"  [default: {default}]" if default is not None and setting.kind is not bool else ""
    words = setting.words or (f"--{name.replace('_', '-')}",)
    option = typer.Option(*words, help=setting.help + shown, rich_help_panel=setting.panel)
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[setting.kind | None, option]
    )


class PanelledCommand(TyperCommand):
    """A command whose help has its options in panels, as plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                other = "Arguments" if param.param_type_name == "argument" else "Options"
                panels.setdefault(getattr(param, "rich_help_panel", None) or other, []).append(record)
        last = panels.pop("Options", None)
        for panel, records in [*panels.items(), *([("Options", last)] if last else [])]:
            with formatter.section(panel):
                formatter.write_dl(records)
