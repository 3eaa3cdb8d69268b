"""From inputs to jobs: what each result is called, and where it goes."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from dpa.batch.job import Job
from dpa.batch.video import Video
from dpa.errors import InputError
from dpa.storage.files import kind_at
from dpa.storage.urls import is_stored, is_url, join, name_of, path_of, suffix_of
from dpa.video.listing import is_listed
from dpa.video.read import VIDEO_SUFFIXES
from dpa.video.write import FILE_SUFFIXES, kind_of, where

_FILES = {"alpha": ".webm", "coco": ".json"}  # kinds whose results are files wherever they come from
_FILMS = dict.fromkeys(("overlay", "green", "strip"), ".mp4")  # files of films, pictures of pictures


def suffix_for(kind: str, film: bool, hdr: bool = False) -> str:
    """What the name of a kind's result ends in; "" for a folder.

    Args:
        kind: of the result.
        film: whether it is made of a film, not of pictures.
        hdr: whether high dynamic range is kept, which .webm cannot hold.
    """
    if kind == "alpha" and hdr:
        return ".mov"
    return (_FILES | _FILMS if film else _FILES).get(kind, "")


def in_folder(folder: str, kinds: Sequence[str], hdr: bool = False) -> list[tuple[str, str | None]]:
    """Several kinds inside one folder, each under its name; `hdr` as for `suffix_for`."""
    paths = {kind: join(folder, f"{kind}{suffix_for(kind, False, hdr)}") for kind in kinds}
    return [(path, kind_of(path, kind)) for kind, path in paths.items()]


def plan(videos: Sequence[Video], out: str, kinds: Sequence[str], common: Job) -> list[Job]:
    """One job for each video; one that is given twice is done once.

    Args:
        videos: the inputs.
        out: the folder for all results, or its URL.
        kinds: of the results, see `dpa.video.write.kind_of`; none for masks, and for what the names of a
            manifest's outputs say.
        common: what the jobs share.

    Raises:
        InputError: two results would have one name, one would replace an input, or a name and a kind do not
            go together.
    """
    once = list({_identity(video): video for video in reversed(videos)}.values())[::-1]
    jobs = []
    for video, name in zip(once, _names(once), strict=True):
        outputs = tuple(_outputs(video, out, name, kinds, common.hdr))
        settings = {**common.settings, **video.settings}
        jobs.append(replace(common, name=name, source=video.source, outputs=outputs, settings=settings))
    paths = [output.rstrip("/") for job in jobs for output, _ in job.outputs]
    owners = [job for job in jobs for _ in job.outputs]
    for index in sorted(_clashing(paths)):
        raise InputError(
            f"the result of {owners[index].source} would be {paths[index]}, which another result is or lies "
            "in: give it another name, in the column output of a manifest"
        )
    check_inputs_stay(jobs, [video.source for video in once])
    return jobs


def check_inputs_stay(jobs: Iterable[Job], sources: Iterable[str]) -> None:
    """Checks that no result would replace an input, its own or that of another.

    Raises:
        InputError: one would.
    """
    inputs = {place: source for source in sources for place in _places(source)}
    for job in jobs:
        for output, _ in job.outputs:
            if (replaced := inputs.get(where(output))) is not None:
                raise InputError(
                    f"the result of {job.source} would be {output} and replace the input {replaced}: give "
                    "another folder with -o, or another name in the column output of a manifest"
                )


def _places(source: str) -> list[PurePath]:
    """Where an input lies; pictures also in their folder, which a result of that name replaces whole."""
    place = where(source)
    return [place, place.parent] if is_listed(place.name) else [place]


def _identity(video: Video) -> tuple[object, ...]:
    source = video.source if is_url(video.source) else os.path.abspath(video.source)
    return source, video.output, video.kind, repr(sorted(video.settings.items()))


def _outputs(
    video: Video, out: str, name: str, kinds: Sequence[str], hdr: bool
) -> list[tuple[str, str | None]]:
    wanted = [video.kind] if video.kind else list(kinds)
    if video.output:
        path = join(out, video.output)
        if len(wanted) > 1:
            if PurePath(path).suffix.lower() in FILE_SUFFIXES:
                raise InputError(f"{path} holds one kind: name a folder for {', '.join(wanted)}")
            return in_folder(path, wanted, hdr)
        return [(path, kind_of(path, wanted[0] if wanted else None))]
    if len(wanted) > 1:
        return in_folder(join(out, name), wanted, hdr)
    kind = kind_of("out", "mask") if not wanted else wanted[0]
    # With the slash it is a folder, whatever the name ends in.
    path = join(out, name) + (suffix_for(kind, _is_film(video.source), hdr) or "/")
    return [(path, kind_of(path, kind))]


def _is_film(source: str) -> bool:
    """Whether an input is a film, and not pictures."""
    if not is_stored(source):
        return not (os.path.isdir(source) or is_listed(os.path.basename(source)))
    if is_listed(name_of(source)) or suffix_of(source) in VIDEO_SUFFIXES:
        return not is_listed(name_of(source))
    return kind_at(source) != "folder"


def _names(videos: Sequence[Video]) -> list[str]:
    """A name for each result: the input's; where two collide, with the folders between them, if that is not
    enough with the suffix, and then with a number."""
    names = [video.output or video.place for video in videos]
    steps: list[Callable[[list[Video]], list[str]]] = [_trees, _suffixed]
    for step in steps:
        bad = sorted(index for index in _clashing(names) if not videos[index].output)
        for index, name in zip(bad, step([videos[index] for index in bad]), strict=True):
            names[index] = name
    return _numbered(videos, names)


def _trees(videos: list[Video]) -> list[str]:
    """Paths from the folder that the videos share."""
    if not videos:
        return []
    urls = [video.source for video in videos if is_url(video.source)]
    if urls and len(urls) < len(videos):  # from here and there
        return [video.place for video in videos]
    paths = [path_of(url) for url in urls] or [os.path.abspath(video.source) for video in videos]
    try:
        top = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # on different drives
        return [video.place for video in videos]
    below = [Path(os.path.relpath(path, top)) for path in paths]
    folders = [not _is_film(video.source) for video in videos] if urls else map(os.path.isdir, paths)
    return [
        (path if folder else path.with_suffix("")).as_posix()
        for path, folder in zip(below, folders, strict=True)
    ]


def _suffixed(videos: list[Video]) -> list[str]:
    trees = _trees(videos)
    paths = [path_of(v.source) if is_url(v.source) else v.source for v in videos]
    ends = [PurePath(path).suffix.replace(".", "_") or "_frames" for path in paths]
    return [tree + end for tree, end in zip(trees, ends, strict=True)]


def _numbered(videos: Sequence[Video], names: Sequence[str]) -> list[str]:
    """The names, with a number where one differs from another before it by the case of letters alone, which
    does not tell files apart everywhere."""
    spellings: dict[str, list[str]] = defaultdict(list)
    numbered = []
    for video, name in zip(videos, names, strict=True):
        known = spellings[name.casefold()]
        if name not in known:
            known.append(name)
        place = known.index(name)
        numbered.append(f"{name}_{place + 1}" if place and not video.output else name)
    return numbered


def _clashing(names: Sequence[str]) -> set[int]:
    """Indices of names that another one is too, or lies below, whatever the case of its letters."""
    folded = [name.casefold() for name in names]
    counts = Counter(folded)
    above = {name[:place] for name in folded for place, letter in enumerate(name) if letter == "/"}
    return {index for index, name in enumerate(folded) if counts[name] > 1 or name in above}
