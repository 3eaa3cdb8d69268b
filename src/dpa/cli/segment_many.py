"""`dpa segment` of several inputs."""

import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from dpa.batch.cluster import Cluster
    from dpa.batch.job import Job, Row
    from dpa.batch.report import Report


def segment_many(
    words: list[str],
    outputs: list[str],
    kinds: list[str],
    common: "Job",
    recursive: bool,
    engine: "Cluster | None",
    jobs: int | None,
    longest: int,
    json_file: str | None,
) -> None:
    """One result an input in one folder, and report.csv beside them; exit code 1 if any is not whole.

    Args:
        words: the inputs, see `dpa.batch.inputs.expand`.
        outputs: what `--output` says; one folder.
        kinds: of all results.
        common: what is the same for all of them.
        recursive: see `expand`.
        engine: where they are done; None for processes of this machine.
        jobs: videos at a time; None leaves it to the machine.
        longest: frames; longer videos are cut into parts. 0 for none.
        json_file: for the rows too; - for standard output.
    """
    from dpa.batch import cluster, local
    from dpa.batch.report import Report
    from dpa.batch.work import segmenter_of
    from dpa.cli.json_file import check_json
    from dpa.engine.config import SegmenterConfig
    from dpa.engine.shots import AUTO, OFF
    from dpa.errors import InputError

    out = _folder(outputs)
    settings = common.settings
    config = SegmenterConfig(**settings)
    if config.shots not in (OFF, AUTO):
        raise InputError(
            f"--shots {config.shots} lists the cuts of one video: give each its own file, in the column "
            "shots of a manifest"
        )
    check_json(json_file)
    planned = _planned(words, recursive, out, kinds, common)
    for job in planned:
        if job.settings != settings:
            SegmenterConfig(**job.settings)
    report = Report(out, planned, common.overwrite)
    if report.todo:
        # Weights that cannot be read are no video's trouble: said once, before the work.
        segmenter = segmenter_of(config)
        about = f"{segmenter.engine}; {segmenter.flow_reason}"
        with closing(report), Bars(len(report.todo)) as bars:
            if engine is not None:
                typer.echo(f"{about}; on Ray {engine.address or 'on this machine'}", err=True)
                rows = cluster.run(report.todo, engine)
            else:
                share = local.Share.of(config.device, jobs or 0, config.threads)
                at_once = min(share.processes, len(report.todo))
                typer.echo(about + (f"; {at_once} videos at a time" if at_once > 1 else ""), err=True)
                rows = local.run(report.todo, share, bars.told, longest)
            for row in rows:
                report.add(row)
                bars.done(row)
    _tell(report, json_file)


def _planned(words: list[str], recursive: bool, out: str, kinds: list[str], common: "Job") -> "list[Job]":
    from dpa.batch.inputs import expand
    from dpa.batch.plan import check_inputs_stay, plan
    from dpa.batch.report import FILE
    from dpa.errors import InputError
    from dpa.storage.files import exists
    from dpa.storage.urls import join

    videos = list(expand(words, recursive, out))
    if not videos:
        raise InputError(f"all inputs are in {out}, the folder of the results: give others, or another -o")
    planned = plan(videos, out, kinds, common)
    if common.overwrite and not exists(join(out, FILE)):
        # A folder without a report holds no results of ours: what the words name there is somebody's video.
        check_inputs_stay(planned, [video.source for video in expand(words, recursive)])
    return planned


def _folder(outputs: Sequence[str]) -> str:
    from dpa.errors import InputError
    from dpa.files import user_path
    from dpa.storage.files import check_writable
    from dpa.storage.urls import is_url
    from dpa.video.write import FILE_SUFFIXES

    if len(outputs) != 1 or outputs[0] == "-" or PurePath(outputs[0]).suffix.lower() in FILE_SUFFIXES:
        raise InputError(
            "several inputs have their results in one folder: give it with -o, and --kind for all"
        )
    if is_url(outputs[0]):
        check_writable(outputs[0])
        return outputs[0].rstrip("/")
    folder = user_path(outputs[0])
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: several inputs have their results in a folder")
    return str(folder)


def _tell(report: "Report", json_file: str | None) -> None:
    from dpa.cli.json_file import write_json

    rows = report.rows()
    write_json(json_file, rows)
    lacking = [row for row in rows if row["state"] != "done"]
    for row in rows:
        if row["warnings"] and row["name"] not in report.kept:
            typer.echo(f"dpa: warning: {row['name']}: {row['warnings']}", err=True)
    for row in lacking:
        typer.echo(f"{row['state']}: {row['name']}: {row['problem']}", err=True)
    if not report.todo and not lacking:
        typer.echo(f"nothing to do: all {len(rows)} results are in {report.folder} already", err=True)
        return
    made = len(rows) - len(report.kept) - sum(row["name"] not in report.kept for row in lacking)
    counts = f"{made} written, {len(report.kept)} kept, {len(lacking)} not whole"
    typer.echo(f"videos: {counts}; {report.file} has a row for each", err=True)
    if lacking:
        raise typer.Exit(1)


class Bars:
    """A bar for all videos, by frames, and one for each at work; nothing where standard error is no terminal.

    Args:
        videos: how many there are.
    """

    def __init__(self, videos: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._bars = Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
        self._videos = videos
        self._frames: dict[str, tuple[int, int | None]] = {}
        self._tasks: dict[str, Any] = {}
        self._ended: set[str] = set()
        self._all = self._bars.add_task(self._label(), total=None)

    def told(self, message: tuple[str, int, int | None]) -> None:
        """A job's name, frames done and frames of all, from any thread; late ones do no harm."""
        name, done, count = message
        if name in self._ended:
            return
        self._frames[name] = (done, count)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=count)
        self._bars.update(self._tasks[name], completed=done, total=count)
        if done == count:
            self._bars.remove_task(self._tasks.pop(name))
        self._update()

    def done(self, row: "Row") -> None:
        self._ended.add(row.name)
        frames = self._frames.get(row.name, (row.frames, 0))[0]
        self._frames[row.name] = (frames, frames)
        if row.name in self._tasks:
            self._bars.remove_task(self._tasks.pop(row.name))
        self._update()

    def frames(self) -> tuple[int, int | None]:
        """Frames done, and of all: those of videos not yet opened are taken for the mean of the others."""
        done = sum(done for done, _ in self._frames.values())
        counts = [count for _, count in self._frames.values() if count]
        return done, round(sum(counts) / len(counts) * self._videos) if counts else None

    def _label(self) -> str:
        return f"{len(self._ended)}/{self._videos} videos"

    def _update(self) -> None:
        done, total = self.frames()
        self._bars.update(self._all, completed=done, total=total, description=self._label())

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
