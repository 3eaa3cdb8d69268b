"""What a converter says of a data set: which pictures, with which annotations, under which names."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from dpa.errors import InputError
from dpa.prepare.archive import Member
from dpa.prepare.masks import Rule

Keep = Literal["all", "annotated"]
"""Which frames of a video are written: all (those that are not annotated have no mask), or the annotated."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""

_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Options:
    """What can be chosen; None is the data set's own default.

    Attributes:
        year: of DAVIS, 2016 or 2017.
        frames: see `Keep`.
        images, masks: folders inside the source, for `folder`.
        threshold: grey values above it are the object, 0 to 254, for `folder`.
    """

    year: int | None = None
    frames: Keep | None = None
    images: str | None = None
    masks: str | None = None
    threshold: int | None = None

    def given(self) -> dict[str, object]:
        """The options that are not left to the data set."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture.

    Attributes:
        name: of the files that are written, without suffix.
        image: the picture.
        mask: its annotation; None where there is none.
        kept: False for a frame that is not written: the flow of its neighbour is all that needs it.
        others: annotations of further objects, each a file of its own.
        box: of the object, instead of a mask.
    """

    name: str
    image: Member
    mask: Member | None = None
    kept: bool = True
    others: tuple[Member, ...] = ()
    box: Box | None = None

    @property
    def annotated(self) -> bool:
        """Whether there is a mask, or a box to make one of."""
        return self.mask is not None or self.box is not None


@dataclass(frozen=True)
class Clip:
    """The frames of one video in order, or stills.

    Attributes:
        folder: that RGB/ and GT/ are in, relative to the target.
        entries: the pictures.
        rule: makes the masks.
    """

    folder: str
    entries: tuple[Entry, ...]
    rule: Rule

    @property
    def kept(self) -> int:
        """How many pictures are written."""
        return sum(entry.kept for entry in self.entries)


@dataclass(frozen=True)
class Film:
    """A video file with its masks.

    Attributes:
        folder: that RGB/ and GT/ are in, relative to the target.
        name: of the video.
        video: the file.
        masks: pictures, by frame: see `dpa.prepare.film`; or one video of as many frames.
        rule: makes the masks.
        keep: which frames are written.
    """

    folder: str
    name: str
    video: Member
    masks: tuple[Member, ...]
    rule: Rule
    keep: Keep


@dataclass(frozen=True)
class Part:
    """One data set that comes out, in the layout of `dpa.datasets.layout`.

    Attributes:
        name: its folder in the target; "" for the target itself.
        place: where in the source it was found.
        clips: what is in it.
        stills: it has no motion, so no flow.
        problems: a sentence for each picture or mask that was found to lack its partner.
    """

    name: str
    place: str
    clips: tuple[Clip | Film, ...]
    stills: bool = False
    problems: tuple[str, ...] = ()

    @property
    def sparse(self) -> bool:
        """Whether frames of videos are left out: their neighbours' flow must then be made from the source."""
        return any(
            clip.keep == "annotated" if isinstance(clip, Film) else not all(e.kept for e in clip.entries)
            for clip in self.clips
        )


def number(stem: str) -> int | None:
    """The last number in a name, `7` of `bear_0007_gt`; None where there is none."""
    found = _NUMBER.search(stem)
    return int(found[1]) if found else None


def frame_names(sequence: str, images: Sequence[Member]) -> list[str]:
    """Names of a video's frames: `bear_00007`, with the last number of the original's name in five digits.

    Where these numbers do not tell the frames apart, they are counted from 0.
    """
    numbers = [number(image.stem) for image in images]
    if None in numbers or len(set(numbers)) < len(numbers):
        numbers = list(range(len(images)))
    return [f"{sequence}_{n:05d}" for n in numbers]


def match(images: Sequence[Member], masks: Sequence[Member]) -> tuple[dict[Member, Member], list[Member]]:
    """Which mask belongs to which picture: the same name without suffix, else the same last number.

    Returns:
        The masks by their pictures, and the masks that belong to no picture (or to one that has a mask).
    """
    by_stem = {image.stem: image for image in images}
    numbers = Counter(number(image.stem) for image in images)
    by_number = {number(image.stem): image for image in images if numbers[number(image.stem)] == 1}
    by_number.pop(None, None)
    pairs: dict[Member, Member] = {}
    orphans: list[Member] = []
    for mask in masks:
        image = by_stem.get(mask.stem) or by_number.get(number(mask.stem))
        if image is None or image in pairs:
            orphans.append(mask)
        else:
            pairs[image] = mask
    return pairs, orphans


def make_clip(
    folder: str,
    sequence: str,
    images: Sequence[Member],
    pairs: dict[Member, Member],
    rule: Rule,
    keep: Keep = "all",
) -> Clip:
    """A video of pictures.

    Args:
        folder: see `Clip`.
        sequence: what the frames are named after.
        images: all frames, in order.
        pairs: masks by their pictures.
        rule: makes the masks.
        keep: see `Keep`.
    """
    entries = [
        Entry(name, image, pairs.get(image), keep == "all" or image in pairs)
        for name, image in zip(frame_names(sequence, images), images, strict=True)
    ]
    return Clip(folder, tuple(entries), rule)


def orphan_problems(orphans: Sequence[Member]) -> list[str]:
    """The sentences for masks that belong to no picture."""
    return [f"{mask}: no picture belongs to this mask" for mask in orphans]


def unmasked_problems(images: Sequence[Member], pairs: dict[Member, Member]) -> list[str]:
    """The sentences for pictures without a mask, where each must have one."""
    return [f"{image}: no mask belongs to this picture" for image in images if image not in pairs]


def check_distinct(sequences: Sequence[str], place: str) -> None:
    """Make sure that no two videos would be written under one name.

    Raises:
        InputError: names the two.
    """
    for name, count in Counter(sequences).items():
        if count > 1:
            raise InputError(f"{place}: two videos of the name {name}: rename or remove one of them")
