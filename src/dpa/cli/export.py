"""`dpa export`."""

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def export() -> None:
    """Turn weights into other formats."""


@app.command()
def weights(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="Folders of weights, e.g. runs/finetune/last.")
    ] = None,
    share: Annotated[
        list[float] | None, typer.Option(help="Of each source in their mean, in order; may be repeated.")
    ] = None,
    from_release: Annotated[
        Path | None,
        typer.Option(help="A .pth of the authors' training, stage 2, instead of weights of ours."),
    ] = None,
    release_way: Annotated[
        bool,
        typer.Option(
            "--release-way",
            help="Run it as the release does, for which its files were trained: without IMA, V from K.",
        ),
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="float32 instead of half precision.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing weights.")] = False,
) -> None:
    """Write weights in half precision; of several the mean. The authors' checkpoints are read too."""
    from dpa.errors import InputError, OutputError
    from dpa.export.mean import average
    from dpa.export.release import import_release
    from dpa.model.dpa import DPA
    from dpa.weights.registry import FILES

    file = output / FILES["safetensors"]
    if file.exists() and not overwrite:
        raise OutputError(f"{file} exists already: choose another folder or use --overwrite")
    if from_release is None:
        if release_way:
            raise InputError("--release-way belongs to --from-release: give the release's file")
        model = average([DPA.from_pretrained(source) for source in sources or ()], share or ())
    else:
        if sources:
            raise InputError(f"{sources[0]}: with --from-release there are no other weights")
        if share:
            raise InputError("--share is for a mean of weights: leave it out with --from-release")
        model = import_release(from_release, release_way=release_way)
    model.save_pretrained(output, half=not full)
    typer.echo(f"{file}: {file.stat().st_size / 2**20:.1f} MiB")
    if release_way:
        typer.echo(f"as the release tests it: dpa predict DATASET OUT --weights {output} --preset release")


@app.command()
def onnx(
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file to write.")],
    weights: Annotated[
        str,
        typer.Option(
            help="A name (`dpa models`), a folder, or a .safetensors file with config.json beside it."
        ),
    ] = "dpa-mobile",
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit integers, for CPUs; give --video to calibrate it.")
    ] = False,
    video: Annotated[
        list[str] | None,
        typer.Option(
            help="A video, a folder of frames, or a data set as for `dpa predict`; may be repeated."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Store weights in float32 instead of half precision.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write the network as an ONNX graph and check it against torch."""
    from dpa.errors import InputError, OutputError
    from dpa.export.onnx import export_onnx
    from dpa.model.dpa import DPA

    if output.suffix != ".onnx":
        raise InputError(f"{output}: an ONNX graph is a file that ends in .onnx")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists already: choose another name or use --overwrite")
    if video and not int8:
        raise InputError("--video calibrates 8-bit integers: give --int8 too")
    if int8 and full:
        raise InputError("--int8 and --full are two precisions: choose one")
    model = DPA.from_pretrained(weights)
    if int8:
        from dpa.export.int8 import export_int8

        count, difference = export_int8(model, output, _videos(video or []))
        told = (
            f"calibrated on {count} frames; probabilities differ from torch's by {difference:.1e} in the mean"
        )
    else:
        difference = export_onnx(model, output, half=not full)
        told = f"probabilities differ from torch's by at most {difference:.1e}"
    typer.echo(f"{output}: {output.stat().st_size / 2**20:.1f} MiB; {told}")


def _videos(sources: list[str]) -> list[Any]:
    """What is to be segmented, one entry a video."""
    from dpa.datasets import find_videos
    from dpa.errors import InputError

    found: list[Any] = []
    for source in sources:
        try:
            found += [video.images for video in find_videos(Path(source))]
        except InputError:  # no data set: a video, or a folder of frames
            found.append(source)
    return found
