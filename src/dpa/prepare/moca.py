"""MoCA, moving camouflaged animals (Lamdouar et al., ACCV 2020): boxes of some frames, in one table.

A row of `Annotations/annotations.csv` has, among others, the frame's place (`/crab/00010.jpg`) and its box as
the VGG Image Annotator writes it: `[2, x, y, width, height]`, `[]` where the frame is not annotated.
"""

import ast
import csv
from pathlib import PurePosixPath

from dpa.errors import InputError
from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.masks import Objects
from dpa.prepare.records import Box, Clip, Entry, Options, Part, frame_names
from dpa.video.images import IMAGE_SUFFIXES

_IMAGES, _TABLES = "JPEGImages", "Annotations"


def convert(archive: Archive, options: Options) -> list[Part]:
    """Each video in a folder; the masks are the boxes, filled.

    Raises:
        InputError: no videos or no table are there, or the table has no boxes of these videos.
    """
    name, keep = "MoCA_test", options.frames or "all"
    for place in archive.places(_IMAGES):
        tables = [t for at in (join(place, _TABLES), place) for t in archive.files(at, [".csv"])]
        if not tables:
            continue
        boxes = _boxes(tables[0])
        clips = []
        for video in archive.folders(join(place, _IMAGES)):
            images = archive.files(join(place, _IMAGES, video), IMAGE_SUFFIXES)
            known = [boxes.get((video, image.stem)) for image in images]
            if any(known):
                entries = zip(frame_names(video, images), images, known, strict=True)
                clips.append(
                    Clip(
                        join(name, video),
                        tuple(Entry(n, i, kept=keep == "all" or b is not None, box=b) for n, i, b in entries),
                        Objects(),
                    )
                )
        if not clips:
            raise InputError(f"{tables[0]}: no boxes of the videos in {join(place, _IMAGES)}")
        return [Part(name, place, tuple(clips))]
    raise archive.missing(f"{_IMAGES}/VIDEO with pictures and {_TABLES}/annotations.csv beside it")


def _boxes(table: Member) -> dict[tuple[str, str], Box]:
    """Boxes by video and frame."""
    found: dict[tuple[str, str], Box] = {}
    for row in csv.reader(table.read().decode("utf-8", "replace").splitlines()):
        frame = next((cell for cell in row if PurePosixPath(cell).suffix.lower() in IMAGE_SUFFIXES), None)
        box = next((box for cell in row if (box := _box(cell)) is not None), None)
        if frame is not None and box is not None:
            place = PurePosixPath(frame)
            found[place.parent.name, place.stem] = box
    return found


def _box(cell: str) -> Box | None:
    if not cell.startswith("["):
        return None
    try:
        values = [float(value) for value in ast.literal_eval(cell)]
    except (ValueError, SyntaxError, TypeError):
        return None
    return (values[1], values[2], values[3], values[4]) if len(values) == 5 else None
