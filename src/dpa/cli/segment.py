"""`dpa segment`."""

from fractions import Fraction
from typing import Annotated, Any

import typer

from dpa.cli.options import INPUT, OUTPUT, Overwrite, takes_settings

_PART_FRAMES = 5000


@takes_settings()
def segment(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="A video, a folder or glob of pictures, a picture, a camera (0), a URL, or - for stdin. "
            "Several of them, folders or globs of videos, @LIST, or a manifest (.csv, .jsonl): one result "
            "each in the folder -o, and report.csv.",
        ),
    ],
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder, .mp4, .mov, .webm, .webp, .apng, .gif, .json, .png, the URL of one in a bucket, "
            "or - for stdout; repeatable.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="mask, soft, overlay, rgba, alpha, green, coco or strip: one for each output, or several "
            "for one folder, which then gets each under its name. By default what the output's name says, "
            "and with no output mask.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            help="Frames a second of pictures that become a video, 25 or 30000/1001.", rich_help_panel=INPUT
        ),
    ] = None,
    raw: Annotated[
        str | None,
        typer.Option(
            help="Raw frames on standard input: WIDTHxHEIGHT[:PIXEL_FORMAT[:RATE]].", rich_help_panel=INPUT
        ),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive", help="Look for videos in the folders of folders too.", rich_help_panel=INPUT
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of several inputs, how many at a time; default one a core, on GPUs one a device.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="Of several inputs: local, or ray for many machines.", rich_help_panel=INPUT),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of a Ray cluster: auto or ray://HOST:PORT; default one on this machine, for the run.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    task_cpus: Annotated[
        float, typer.Option(min=0.1, help="Of Ray's, for a video.", rich_help_panel=INPUT)
    ] = 1,
    task_gpus: Annotated[
        float | None,
        typer.Option(
            min=0, help="Of Ray's, for a video; default 1 where the cluster has GPUs.", rich_help_panel=INPUT
        ),
    ] = None,
    part_frames: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of several inputs: longer videos are cut into parts of about so many frames, done side by "
            "side; 0 for none. Default 0, with --engine ray 5000.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    source_alpha: Annotated[
        str,
        typer.Option(
            "--source-alpha", help="Transparency of the input: keep, or ignore.", rich_help_panel=INPUT
        ),
    ] = "keep",
    hdr: Annotated[
        str,
        typer.Option(
            help="tone-map, or keep: overlay, alpha and green of an HDR video in .mp4 and .mov stay HDR.",
            rich_help_panel=OUTPUT,
        ),
    ] = "tone-map",
    raw_out: Annotated[
        str | None,
        typer.Option(
            "--raw-out",
            help="Bare frames for -o - instead of Matroska: rgba, rgb24 or gray.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    background: Annotated[
        str,
        typer.Option(
            help="Behind the object in the kind green: green, blur, a colour as #1e90ff, a picture or video.",
            rich_help_panel=OUTPUT,
        ),
    ] = "green",
    strength: Annotated[
        float, typer.Option(help="Of the overlay's tint, from 0 to 1.", rich_help_panel=OUTPUT)
    ] = 0.5,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue a folder at its first missing frame; it looks at names alone, so give the video "
            "and the options that the folder began with. Several inputs are always continued.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    encode: Annotated[
        str,
        typer.Option(
            help="fast, or good: videos a little smaller, several times as slow to write.",
            rich_help_panel=OUTPUT,
        ),
    ] = "fast",
    encoder: Annotated[
        str,
        typer.Option(
            help="Of videos: software, auto (the machine's hardware encoder, if one works) or a name.",
            rich_help_panel=OUTPUT,
        ),
    ] = "software",
    json_file: Annotated[
        str | None,
        typer.Option("--json", help="Write a summary of the run; - for stdout.", rich_help_panel=OUTPUT),
    ] = None,
    *,
    settings: dict[str, Any],
) -> None:
    """Segment the primary object of a video: no clicks, no prompts, one object.

    With no --output the result is named after the input: clip_masks, clip_overlay.mp4 and so on.
    """
    from dpa.batch.inputs import is_many

    keeps = {
        "alpha": _is("--source-alpha", source_alpha, "keep", "ignore"),
        "hdr": _is("--hdr", hdr, "keep", "tone-map"),
    }
    if engine == "local" and part_frames is None and not is_many(sources, recursive):
        opening = keeps | {"rate": _rate(rate)}
        how = {"overwrite": overwrite, "resume": resume, "encode": encode, "encoder": encoder}
        how |= {"background": background, "strength": strength}
        from dpa.cli.segment_alone import segment_alone

        segment_alone(sources[0], output or [], kind or [], settings, opening, raw, raw_out, json_file, how)
        return
    from dpa.batch.cluster import Cluster
    from dpa.batch.job import Job
    from dpa.cli.segment_many import segment_many
    from dpa.errors import InputError

    if raw is not None or raw_out is not None:
        raise InputError("--raw and --raw-out are for one input: leave them out")
    common = Job(
        "",
        "",
        (),
        settings,
        rate=str(parsed) if (parsed := _rate(rate)) else None,
        source_alpha=keeps["alpha"],
        hdr=keeps["hdr"],
        overwrite=overwrite,
        encode=encode,
        encoder=encoder,
        background=background,
        strength=strength,
    )
    if engine not in ("local", "ray"):
        raise InputError(f"--engine {engine}: choose local or ray")
    if engine == "local" and address is not None:
        raise InputError("--address is of a Ray cluster: give --engine ray too")
    longest = (_PART_FRAMES if engine == "ray" else 0) if part_frames is None else part_frames
    cluster = Cluster(address, task_cpus, task_gpus, jobs or 0, longest) if engine == "ray" else None
    segment_many(sources, output or [], kind or [], common, recursive, cluster, jobs, longest, json_file)


def _is(option: str, text: str, yes: str, no: str) -> bool:
    from dpa.errors import InputError

    if text not in (yes, no):
        raise InputError(f"{option} {text}: choose {yes} or {no}")
    return text == yes


def _rate(text: str | None) -> Fraction | None:
    from dpa.errors import InputError

    try:
        rate = Fraction(text) if text is not None else None
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate is not None and rate <= 0:
        raise InputError(f"--rate {text}: frames a second is a positive number such as 25 or 30000/1001")
    return rate
