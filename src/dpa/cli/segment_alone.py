"""`dpa segment` of one input."""

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from dpa.engine.results import Summary
    from dpa.video.source import Source


def segment_alone(
    source: str,
    output: list[str],
    kind: list[str],
    settings: dict[str, Any],
    opening: dict[str, Any],
    raw: str | None,
    raw_out: str | None,
    json_file: str | None,
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
        named = output or _defaults(opened, kind or ["mask"])
        targets = _targets(named, kind, raw_out, opened.hdr is not None)
        read = [word for word in (how.get("background"), config.shots) if word is not None]
        _check(targets, opened, read, json_file, how["overwrite"], how["resume"])
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


def _defaults(source: "Source", kinds: list[str]) -> list[str]:
    """What an output is called that the user has not named: films of films, folders of all else."""
    from dpa.batch.plan import suffix_for

    film, hdr, endings = source.kind in ("video", "live"), source.hdr is not None, {"mask": "masks"}
    names = {kind: endings.get(kind, kind) + suffix_for(kind, film, hdr) for kind in kinds}
    return [f"{source.name}_{names[kind]}" for kind in kinds]


def _targets(
    outputs: list[str], kinds: list[str], raw_out: str | None = None, hdr: bool = False
) -> list[tuple[str, str | None]]:
    """What goes where: kinds in the outputs' order, or several kinds inside one folder."""
    from dpa.batch.plan import in_folder
    from dpa.errors import InputError
    from dpa.video.write import FILE_SUFFIXES, kind_of, raw_kind

    if raw_out is not None:
        if outputs != ["-"] or len(kinds) > 1:
            raise InputError("--raw-out is for one output on standard output: give -o - and one --kind")
        return [(outputs[0], raw_kind(raw_out, kinds[0] if kinds else None))]
    if len(outputs) == 1 and len(kinds) > 1:
        folder = outputs[0]
        kind_of(folder)
        if folder == "-" or PurePath(folder).suffix.lower() in FILE_SUFFIXES:
            raise InputError(
                f"{folder} holds one kind: give a folder for {', '.join(kinds)}, or one output for each"
            )
        return in_folder(folder, kinds, hdr)
    if len(kinds) > len(outputs):
        raise InputError(f"{len(kinds)} kinds for {len(outputs)} outputs: give one --output for each --kind")
    padded: list[str | None] = [*kinds, *[None] * (len(outputs) - len(kinds))]
    return [(path, kind_of(path, kind)) for path, kind in zip(outputs, padded, strict=True)]


def _check(
    targets: list[tuple[str, str | None]],
    source: "Source",
    read: list[str],
    json_file: str | None,
    overwrite: bool,
    resume: bool,
) -> None:
    """Find what would fail before the network is loaded, and the summary's trouble before the work."""
    from dpa.cli.json_file import check_json
    from dpa.errors import OutputError
    from dpa.files import user_path
    from dpa.storage.files import exists
    from dpa.storage.urls import is_url
    from dpa.video.write import check_apart

    paths = [path for path, _ in targets]
    if paths.count("-") + (json_file == "-") > 1:
        raise OutputError("only one thing can go to standard output: give the others names")
    if resume and "-" in paths:
        raise OutputError("standard output cannot be resumed: leave out --resume")
    for path in paths:
        if path == "-" or is_url(path):
            continue
        if _is_one_of(path, read):
            raise OutputError(f"{path} is what is being read: choose another name for the output")
        if user_path(path).is_file() and not overwrite:
            raise OutputError(f"{path} exists already: choose another name or use --overwrite")
    if json_file is None or json_file == "-":
        return
    check_apart([*paths, json_file])
    check_json(json_file)
    if not is_url(json_file) and (source.reads(Path(json_file)) or _is_one_of(json_file, read)):
        raise OutputError(f"{json_file} is what is being read: choose another name for --json")
    if exists(json_file) and not (overwrite or resume):
        raise OutputError(f"{json_file} exists already: choose another name or use --overwrite")


def _is_one_of(path: str, words: list[str]) -> bool:
    """Whether a file is one that settings name, the background say; other words name no file."""
    from dpa.files import user_path

    places = [user_path(word) for word in words]
    return user_path(path).resolve() in [place.resolve() for place in places if place.is_file()]


def _report(summary: "Summary", json_file: str | None) -> None:
    from dataclasses import asdict

    from dpa.cli.json_file import write_json

    seconds = summary.seconds.get("total", 0.0)
    speed = f", {summary.frames / seconds:.1f} frames a second" if summary.frames and seconds else ""
    frames = f"{summary.frames} frame{'s' * (summary.frames != 1)}"
    done = f"{frames}{speed}" if summary.frames else "all frames were there already"
    for sentence in dict.fromkeys(summary.warnings):
        typer.echo(f"dpa: warning: {sentence}", err=True)
    names = [f"{name} ({encoder})" for name, encoder in summary.encoders.items()]
    names = [name for name in summary.outputs if name not in summary.encoders] + names
    typer.echo(f"{', '.join(names)}: {done}", err=True)
    write_json(json_file, asdict(summary))
