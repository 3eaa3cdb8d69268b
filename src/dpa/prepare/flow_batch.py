"""Flow pictures of many videos: what is to be done, and doing it in several processes."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dpa.datasets.layout import FLOWS, find_sequences, is_dataset, is_flat
from dpa.errors import InputError, OutputError
from dpa.files import make_folder
from dpa.flow.estimator import FlowEstimator, make_estimator
from dpa.flow.pictures import SUFFIX, Look, write_pictures
from dpa.processes import spread
from dpa.video.frame import Frame
from dpa.video.read import open_source


@dataclass(frozen=True)
class Job:
    """One video whose flow is wanted.

    Attributes:
        source: the pictures in order, or whatever else `open_source` takes.
        folder: where the flow pictures go.
        names: of the pictures, without suffix, one a frame.
        video: what tells this input from others whose pictures have the same names; None in a data set, where
            the names do.
    """

    source: str | tuple[Path, ...]
    folder: Path
    names: tuple[str, ...]
    video: dict[str, object] | None = None

    def existing(self) -> list[Path]:
        """The pictures that are there already."""
        if not self.folder.is_dir():
            return []
        present = {path.name for path in self.folder.iterdir()}
        return [self.folder / f"{name}{SUFFIX}" for name in self.names if name + SUFFIX in present]


@dataclass(frozen=True)
class Maker:
    """What each process needs in order to make its own estimator; the arguments are `make_estimator`'s."""

    name: str
    device: str
    weights: Path | None

    def __call__(self) -> FlowEstimator:
        return make_estimator(self.name, self.device, self.weights)


def plan(source: str, out: Path) -> list[Job]:
    """What is to be done for an input, and where the pictures go.

    A data set keeps its layout: `OUT/FLOW/*.jpg`, or `OUT/SEQUENCE/FLOW/*.jpg`. The pictures of a folder keep
    their names and those of a video are numbered from 00000, in `OUT/*.jpg`.

    Args:
        source: a data set's folder, a folder of frames, a video, or a pattern of pictures.
        out: may be the data set's own folder.

    Raises:
        InputError: the input cannot be read, or never ends.
        OutputError: the flow pictures would take the place of the frames.
    """
    root = Path(source)
    if is_dataset(root):
        flat = is_flat(root)
        return [
            Job(
                sequence.images,
                out / FLOWS if flat else out / sequence.name / FLOWS,
                tuple(path.stem for path in sequence.images),
            )
            for sequence in find_sequences(root)
        ]
    with open_source(source) as opened:
        if opened.live or opened.count is None:
            raise InputError(f"{source}: flow pictures are made of files and folders, not of live input")
        names = tuple(opened.frame_name(index) for index in range(opened.count))
        size = [opened.size[1], opened.size[0]]
        video: dict[str, object] = {"name": root.resolve().name, "frames": opened.count, "size": size}
    if opened.kind != "video" and out.resolve() == (root if root.is_dir() else root.parent).resolve():
        raise OutputError(f"{out}: the frames themselves lie there: choose another folder for their flow")
    return [Job(source, out, names, video)]


def run(jobs: list[Job], maker: Maker, look: Look, processes: int = 1) -> Iterator[int]:
    """Write what is missing of every job.

    Args:
        jobs: of `plan`.
        maker: makes the estimator, once in each process.
        look: size, colouring and JPEG quality.
        processes: how many; 1 does it all in this one.

    Yields:
        Numbers of pictures written since the last time.

    Raises:
        DPAError: the first that any job met; pictures written so far stay.
    """
    missing = [job for job in jobs if len(job.existing()) < len(job.names)]
    for job in missing:
        make_folder(job.folder)
    yield from spread(_work, [(job, maker, look) for job in missing], processes)


def _work(task: tuple[Job, Maker, Look]) -> Iterator[int]:
    job, maker, look = task
    with open_source(job.source) as opened:

        def target(frame: Frame) -> Path:
            return job.folder / f"{opened.frame_name(frame.index)}{SUFFIX}"

        with closing(write_pictures(opened.read(), estimator_of(maker), target, look)) as pictures:
            for _ in pictures:
                yield 1
        opened.check()


@lru_cache(maxsize=1)
def estimator_of(maker: Maker) -> FlowEstimator:
    """The estimator of a process: RAFT is not loaded anew for every video."""
    return maker()
