"""Video files with masks: a picture and a mask for each frame."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from dpa.errors import InputError
from dpa.prepare.archive import Member
from dpa.prepare.masks import Rule
from dpa.prepare.records import Film, number
from dpa.prepare.write import Result, Shelf, check_size, jpeg_of, read_mask
from dpa.video.images import IMAGE_SUFFIXES
from dpa.video.read import open_source
from dpa.video.source import Source

_MIDDLE = 127  # of the grey in a video of masks, which compression blurs

GroundTruth = Callable[[], np.ndarray | None]
"""Reads a frame's mask, (H, W) bool; None where it is not annotated."""


def film_name(film: Film, index: int) -> str:
    """The name of a frame's files: `clip_00007`."""
    return f"{film.name}_{index:05d}"


@contextmanager
def open_film(film: Film) -> Iterator[Source]:
    """The video as a source of frames.

    Raises:
        InputError: it cannot be read.
    """
    with film.video.local() as path, open_source(path) as source:
        yield source


def write_film(film: Film, part: str, folder: Path) -> Iterator[Result]:
    """Write the frames of a video.

    What cannot be read is a result, not an error: a damaged video gives the frames that can be decoded.

    Raises:
        OutputError: a file cannot be written.
    """
    missing: set[int] | None = None
    try:
        with open_film(film) as source:
            assert source.count is not None
            places, strays = _places(film, source.count)
            for stray in strays:
                yield Result(part, "failed", f"{stray}: {film.video.name} has frames 0 to {source.count - 1}")
            shelf = Shelf(folder)
            missing, kept = _missing(film, source.count, places, shelf)
            yield from (Result(part, "kept") for _ in range(kept))
            if missing:
                yield from _frames(film, source, places, missing, part, shelf)
    except InputError as error:
        yield Result(part, "failed", str(error))
        # The sentence stands for all frames that did not come.
        yield from (Result(part, "failed") for _ in range(len(missing or ()) - 1))


def _frames(
    film: Film, source: Source, places: dict[int, Member] | None, missing: set[int], part: str, shelf: Shelf
) -> Iterator[Result]:
    """Writes the missing frames, and takes each from `missing` as it comes."""
    assert source.count is not None
    with (
        closing(_ground_truths(film, places, source.count)) as ground_truths,
        closing(source.frames()) as frames,  # type: ignore[type-var]
    ):
        for frame, ground_truth in zip(frames, ground_truths, strict=False):
            if frame.index not in missing:
                continue
            missing.remove(frame.index)
            try:
                mask = ground_truth()
                if mask is not None:
                    check_size(mask, frame.image, f"mask of frame {frame.index} of {film.video}")
            except InputError as error:
                yield Result(part, "failed", str(error))
                continue
            shelf.put(film_name(film, frame.index), jpeg_of(frame.image, film.video), mask)
            yield Result(part, "written")


def _missing(film: Film, count: int, places: dict[int, Member] | None, shelf: Shelf) -> tuple[set[int], int]:
    """The frames that are to be written, and how many are there already."""
    there = shelf.present()
    wanted = range(count) if places is None or film.keep == "all" else sorted(places)
    missing = set()
    for index in wanted:
        name = film_name(film, index)
        annotated = places is None or index in places
        if name not in there.pictures or (annotated and name not in there.masks):
            missing.add(index)
    return missing, len(wanted) - len(missing)


def _places(film: Film, count: int) -> tuple[dict[int, Member] | None, Sequence[Member]]:
    """Mask pictures by their frames, and those of no frame; None if the masks are a video.

    As many masks as frames: in the order of their names. Fewer: by the last number of their names, from 0.

    Raises:
        InputError: there are more masks than frames, so that it is not known which are whose.
    """
    if film.masks[0].suffix not in IMAGE_SUFFIXES:
        return None, ()
    if len(film.masks) > count:
        place = film.masks[0]
        raise InputError(
            f"{place} and so on: {len(film.masks)} masks, but {film.video.name} has {count} frames"
        )
    if len(film.masks) == count:
        return dict(enumerate(film.masks)), ()
    places: dict[int, Member] = {}
    strays = []
    for mask in film.masks:
        index = number(mask.stem)
        if index is None or index >= count or index in places:
            strays.append(mask)
        else:
            places[index] = mask
    return places, strays


def _ground_truths(
    film: Film, places: dict[int, Member] | None, count: int
) -> Generator[GroundTruth, None, None]:
    """One for each frame, in order; a mask picture is read when it is asked for."""
    if places is not None:
        for index in range(count):
            yield partial(_of_picture, places.get(index), film.rule)
        return
    (video,) = film.masks
    with video.local() as path, open_source(path) as source:
        if source.count != count:
            raise InputError(f"{video}: {source.count} frames, but {film.video.name} has {count}")
        for frame in source.frames():
            yield partial(_of_frame, frame.image)


def _of_picture(mask: Member | None, rule: Rule) -> np.ndarray | None:
    return None if mask is None else read_mask(mask, rule)


def _of_frame(image: np.ndarray) -> np.ndarray:
    return image.max(axis=2) > _MIDDLE
