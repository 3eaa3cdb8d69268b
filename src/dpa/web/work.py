"""What is done to a video in a process of its own."""

import time
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dpa.batch.job import Job
from dpa.batch.work import segment_one
from dpa.errors import InputError
from dpa.video.read import open_source
from dpa.video.source import FALLBACK_RATE, Source
from dpa.web.child import Tell
from dpa.web.words import say

_TOLD = 0.1  # seconds between words about progress


@dataclass(frozen=True)
class Order:
    """A file that is to be made.

    Attributes:
        name: the user's name of the video.
        source: the upload.
        out: where the result goes: a file, or a folder that is packed.
        kind: see `Job.outputs`.
        settings: of `SegmenterConfig`.
        kept: folder of the probabilities, see `Job.kept`.
        part: see `Job.part`.
        look: strength and background, see `Job`.
        corrections: see `Job.corrections`.
        max_minutes: the longest video that is taken.
    """

    name: str
    source: str
    out: str
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    kept: str = ""
    part: tuple[int, int] | None = None
    look: dict[str, Any] = field(default_factory=dict)
    corrections: tuple[str, ...] = ()
    max_minutes: float = 30.0


def make(tell: Tell, order: Order) -> dict[str, Any]:
    """Make a file: by the network the first time, of what is kept after that.

    Tells what the video is, {"facts": ...}, and how far it is, {"done": ..., "total": ...}.

    Returns:
        What became of it: the fields of `dpa.batch.Row`, and "file".

    Raises:
        InputError: the video cannot be used.
    """
    with open_source(order.source) as source:
        tell({"facts": facts(source, order)})
    last = 0.0

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > _TOLD:
            last = time.monotonic()
            tell({"done": done, "total": total})

    folder = "" if Path(order.out).suffix else "/"
    outputs = ((order.out + folder, order.kind),)
    name = Path(order.name).stem
    job = Job(
        name,
        order.source,
        outputs,
        order.settings,
        frames=order.part,
        kept=order.kept,
        corrections=order.corrections,
        **order.look,
    )
    row = segment_one(job, progress)
    file = order.out
    if row.state != "failed" and folder:
        file = packed(Path(order.out))
    return asdict(row) | {"file": file}


def facts(source: Source, order: Order) -> dict[str, Any]:
    """What is to be known of a video.

    Raises:
        InputError: it is longer than is taken.
    """
    count, rate = source.count or 0, source.rate or FALLBACK_RATE
    if count / rate > 60 * order.max_minutes:
        minutes, most = f"{float(count / rate) / 60:.1f}", f"{order.max_minutes:g}"
        raise InputError(say("error.minutes", name=order.name, minutes=minutes, most=most))
    width, height = source.size[::-1]
    return {"width": width, "height": height, "frames": count, "rate": float(rate), "sound": source.sound}


def packed(folder: Path) -> str:
    """A folder of pictures as one file, a zip beside it; they are packed already, and not packed again."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for picture in sorted(folder.iterdir()):
            # Always of the same day: equal pictures, equal archives.
            archive.writestr(zipfile.ZipInfo(picture.name), picture.read_bytes())
    for picture in folder.iterdir():
        picture.unlink()
    folder.rmdir()
    return str(path)
