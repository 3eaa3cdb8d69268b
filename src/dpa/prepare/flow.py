"""Flow of prepared videos: what `dpa flow` would write, and for sparse sets what it could not know.

Where frames of a video were left out, the frame that follows an annotated one is in the source alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dpa.datasets.layout import FLOWS, IMAGES, is_dataset
from dpa.errors import InputError, OutputError
from dpa.flow.estimator import FlowEstimator
from dpa.flow.pictures import SUFFIX, Look, claim, write_picture
from dpa.flow.stream import pair_flow
from dpa.prepare.decode import open_picture, rgb
from dpa.prepare.film import film_name, open_film
from dpa.prepare.flow_batch import Maker, plan, run
from dpa.prepare.records import Clip, Entry, Film, Part
from dpa.processes import spread

_AT_ONCE = 16  # frames that a process takes at a time

Wanted = tuple[str, np.ndarray, np.ndarray | None, np.ndarray | None]
"""A frame's name, its picture, the next one, and where there is no next one the one before."""


def claim_flow(root: Path, recipe: dict[str, object], overwrite: bool) -> None:
    """Put the recipe beside a data set: see `dpa.flow.pictures.claim`.

    Raises:
        OutputError: there are flow pictures of another recipe.
    """
    existing = [*root.glob(f"{FLOWS}/*{SUFFIX}"), *root.glob(f"*/{FLOWS}/*{SUFFIX}")]
    claim(root, recipe, existing, overwrite)


def count_flow(root: Path) -> tuple[int, int]:
    """How many flow pictures a data set is to have, and has."""
    frames, flows = ([*root.glob(f"{kind}/*.jpg"), *root.glob(f"*/{kind}/*.jpg")] for kind in (IMAGES, FLOWS))
    return len(frames), len(flows)


def write_flow(part: Part, target: Path, maker: Maker, look: Look, processes: int) -> Iterator[int]:
    """Write the missing flow pictures of a data set whose frames are written.

    Yields:
        Numbers of pictures written since the last time.

    Raises:
        DPAError: the first that was met; pictures written so far stay.
    """
    root = target / part.name
    if not is_dataset(root):
        return  # not one frame could be read
    if part.sparse:
        yield from spread(_write, _tasks(part, target, maker, look), processes)
    else:
        yield from run(plan(str(root), root), maker, look, processes)


@dataclass(frozen=True)
class _Task:
    """Flow pictures of one clip.

    Attributes:
        clip: its frames in the source.
        folder: that RGB/ and FLOW/ are in.
        names: whose flow is wanted.
    """

    clip: Clip | Film
    folder: Path
    names: frozenset[str]
    maker: Maker
    look: Look


def _tasks(part: Part, target: Path, maker: Maker, look: Look) -> list[_Task]:
    present: dict[Path, tuple[set[str], set[str]]] = {}
    tasks = []
    for clip in part.clips:
        folder = target / clip.folder
        if folder not in present:
            present[folder] = _stems(folder / IMAGES), _stems(folder / FLOWS)
        frames, flows = present[folder]
        if isinstance(clip, Film):
            own = sorted(name for name in frames - flows if name.rpartition("_")[0] == clip.name)
        else:
            own = [entry.name for entry in clip.entries if entry.name in frames and entry.name not in flows]
        at_once = len(own) if isinstance(clip, Film) else _AT_ONCE
        for start in range(0, len(own), max(1, at_once)):
            tasks.append(_Task(clip, folder, frozenset(own[start : start + at_once]), maker, look))
    return tasks


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("[!.]*.jpg")}


def _write(task: _Task) -> Iterator[int]:
    estimator = _estimator(task.maker)
    folder = task.folder / FLOWS
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
    of_clip = (
        _of_film(task.clip, task.names) if isinstance(task.clip, Film) else _of_clip(task.clip, task.names)
    )
    for name, image, after, before in of_clip:
        flow = pair_flow(estimator, image, after, before, task.look.size)
        write_picture(folder / f"{name}{SUFFIX}", flow, task.look)
        yield 1


@lru_cache(maxsize=1)
def _estimator(maker: Maker) -> FlowEstimator:
    return maker()


def _of_clip(clip: Clip, names: frozenset[str]) -> Iterator[Wanted]:
    for index, entry in enumerate(clip.entries):
        if entry.name not in names:
            continue
        image = rgb(open_picture(entry.image, entry.image.read()))
        after = _first_readable(clip.entries[index + 1 :])
        before = None if after is not None else _first_readable(clip.entries[:index][::-1])
        yield entry.name, image, after, before


def _first_readable(entries: tuple[Entry, ...]) -> np.ndarray | None:
    for entry in entries:
        try:
            return rgb(open_picture(entry.image, entry.image.read()))
        except InputError:
            continue
    return None


def _of_film(film: Film, names: frozenset[str]) -> Iterator[Wanted]:
    with open_film(film) as source:
        assert source.count is not None
        wanted = [index for index in range(source.count) if film_name(film, index) in names]
        for frame, after in source.pairs_at(wanted):
            before = None
            if after is None and frame.index:
                before = next(iter(source.pairs_at([frame.index - 1])))[0].image
            yield film_name(film, frame.index), frame.image, None if after is None else after.image, before
