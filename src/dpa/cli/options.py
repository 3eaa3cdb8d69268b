"""Options that several verbs share, with one wording."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help="Network, see `dpa models`.")]
Weights = Annotated[Path | None, typer.Option(help="Weights of your own: a file or a folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:INDEX or mps.")]
Precision = Annotated[
    str,
    typer.Option(help="auto, fp32, int8, fp16 or bf16; auto is int8 on CPUs where there is such a graph."),
]
Compiled = Annotated[
    bool, typer.Option("--compile", help="Run the network in torch.compile: slow to start, then faster.")
]
Every = Annotated[
    int, typer.Option(min=1, help="The network sees every Nth frame; between, masks follow the flow.")
]
Smooth = Annotated[
    float, typer.Option(min=0, help="Weight of the frames beside a frame, along the flow; 0 is none.")
]
Size = Annotated[int | None, typer.Option(min=64, help="Working size, pixels; default the network's own.")]
References = Annotated[int | None, typer.Option(min=1, help="Reference frames; default the network's own.")]
Flow = Annotated[str, typer.Option(help="auto, dis, dis-fast, dis-ultrafast, raft-small or raft-large.")]
FlowSize = Annotated[int, typer.Option(min=16, help="Longer side of the pictures for the flow, pixels.")]
