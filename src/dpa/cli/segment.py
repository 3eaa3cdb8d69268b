"""`dpa segment`."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpa.cli.options import INPUT, OUTPUT, Overwrite, takes_settings

if TYPE_CHECKING:
    from dpa.engine.results import Summary
    from dpa.video.source import Source


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
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder, .mp4, .mov, .webm, .webp, .apng, .gif, .json, .png, or - for stdout; repeatable.",
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
            help="Continue a folder at its first missing frame; several inputs are always continued.",
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
        Path | None,
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
    if engine == "local" and not is_many(sources, recursive):
        opening = keeps | {"rate": _rate(rate)}
        how = {"overwrite": overwrite, "resume": resume, "encode": encode, "encoder": encoder}
        how |= {"background": background, "strength": strength}
        _segment(sources[0], output or [], kind or [], settings, opening, raw, raw_out, json_file, how)
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
    cluster = Cluster(address, task_cpus, task_gpus, jobs or 0) if engine == "ray" else None
    segment_many(sources, output or [], kind or [], common, recursive, cluster, jobs, json_file)


def _segment(
    source: str,
    output: list[Path],
    kind: list[str],
    settings: dict[str, Any],
    opening: dict[str, Any],
    raw: str | None,
    raw_out: str | None,
    json_file: Path | None,
    how: dict[str, Any],
) -> None:
    """One input; `opening` is for `open_source`, `how` for `Segmenter.write`."""
    from dpa.cli.progress import progress_bar
    from dpa.engine.config import SegmenterConfig
    from dpa.engine.segmenter import Segmenter
    from dpa.errors import TruncatedError
    from dpa.video.live import RawVideo
    from dpa.video.read import open_source

    config = SegmenterConfig(**settings)
    frames = RawVideo.parse(raw) if raw is not None else None
    with open_source(source, raw=frames, **opening) as opened:
        targets = _targets(output or _defaults(opened, kind or ["mask"]), kind, raw_out)
        _check(targets, opened, json_file, how["overwrite"], how["resume"])
        segmenter = Segmenter(config)
        # Said when the outputs are open and work starts: an error stands alone.
        engine = [f"{segmenter.engine}; {segmenter.flow_reason}"]
        try:
            with progress_bar("segment") as update:

                def progress(done: int, count: int | None) -> None:
                    if engine:
                        typer.echo(engine.pop(), err=True)
                    update(done, count, "")

                summary = segmenter.write(opened, targets, **how, progress=progress, raw_out=raw_out)
        except TruncatedError as error:
            _report(error.summary, json_file)
            raise
    _report(summary, json_file)


def _is(option: str, text: str, yes: str, no: str) -> bool:
    from dpa.errors import InputError

    if text not in (yes, no):
        raise InputError(f"{option} {text}: choose {yes} or {no}")
    return text == yes


def _defaults(source: "Source", kinds: list[str]) -> list[Path]:
    """What an output is called that the user has not named: films of films, folders of all else."""
    from dpa.batch.plan import FILMS, SUFFIXES

    suffixes = FILMS if source.kind in ("video", "live") else SUFFIXES
    endings = {"mask": "masks"}
    return [Path(f"{source.name}_{endings.get(kind, kind)}{suffixes.get(kind, '')}") for kind in kinds]


def _targets(
    outputs: list[Path], kinds: list[str], raw_out: str | None = None
) -> list[tuple[Path, str | None]]:
    """What goes where: kinds in the outputs' order, or several kinds inside one folder."""
    from dpa.batch.plan import in_folder
    from dpa.errors import InputError
    from dpa.video.write import FILE_SUFFIXES, kind_of, raw_kind

    if raw_out is not None:
        if outputs != [Path("-")] or len(kinds) > 1:
            raise InputError("--raw-out is for one output on standard output: give -o - and one --kind")
        return [(outputs[0], raw_kind(raw_out, kinds[0] if kinds else None))]
    if len(outputs) == 1 and len(kinds) > 1:
        folder = outputs[0]
        kind_of(folder)
        if folder == Path("-") or folder.suffix.lower() in FILE_SUFFIXES:
            raise InputError(
                f"{folder} holds one kind: give a folder for {', '.join(kinds)}, or one output for each"
            )
        return list(in_folder(folder, kinds))
    if len(kinds) > len(outputs):
        raise InputError(f"{len(kinds)} kinds for {len(outputs)} outputs: give one --output for each --kind")
    padded: list[str | None] = [*kinds, *[None] * (len(outputs) - len(kinds))]
    return [(path, kind_of(path, kind)) for path, kind in zip(outputs, padded, strict=True)]


def _check(
    targets: list[tuple[Path, str | None]],
    source: "Source",
    json_file: Path | None,
    overwrite: bool,
    resume: bool,
) -> None:
    """Find what would fail before the network is loaded, and the summary's trouble before the work."""
    from dpa.errors import OutputError
    from dpa.video.write import check_apart

    paths = [path for path, _ in targets]
    if paths.count(Path("-")) + (json_file == Path("-")) > 1:
        raise OutputError("only one thing can go to standard output: give the others names")
    if resume and Path("-") in paths:
        raise OutputError("standard output cannot be resumed: leave out --resume")
    for path in paths:
        if path != Path("-") and path.is_file() and not overwrite:
            raise OutputError(f"{path} exists already: choose another name or use --overwrite")
    if json_file is None or json_file == Path("-"):
        return
    check_apart([*paths, json_file])
    if not json_file.absolute().parent.is_dir():
        raise OutputError(f"{json_file}: its folder does not exist; make it first")
    if json_file.is_dir() or source.reads(json_file):
        raise OutputError(f"{json_file} is a folder or what is being read: choose another name for --json")
    if json_file.exists() and not (overwrite or resume):
        raise OutputError(f"{json_file} exists already: choose another name or use --overwrite")


def _report(summary: "Summary", json_file: Path | None) -> None:
    import json
    from dataclasses import asdict

    from dpa.files import write_whole

    seconds = summary.seconds.get("total", 0.0)
    speed = f", {summary.frames / seconds:.1f} frames a second" if summary.frames and seconds else ""
    frames = f"{summary.frames} frame{'s' * (summary.frames != 1)}"
    done = f"{frames}{speed}" if summary.frames else "all frames were there already"
    for sentence in dict.fromkeys(summary.warnings):
        typer.echo(f"dpa: warning: {sentence}", err=True)
    names = [f"{name} ({encoder})" for name, encoder in summary.encoders.items()]
    names = [name for name in summary.outputs if name not in summary.encoders] + names
    typer.echo(f"{', '.join(names)}: {done}", err=True)
    if json_file is None:
        return
    text = json.dumps(asdict(summary), indent=2) + "\n"
    if json_file == Path("-"):
        typer.echo(text, nl=False)
    else:
        write_whole(json_file, text.encode())


def _rate(text: str | None) -> Fraction | None:
    from dpa.errors import InputError

    try:
        rate = Fraction(text) if text is not None else None
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate is not None and rate <= 0:
        raise InputError(f"--rate {text}: frames a second is a positive number such as 25 or 30000/1001")
    return rate
