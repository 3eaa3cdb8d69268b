"""From an annotation, in whatever form it is published, to one binary mask: all objects merged."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from dpa.errors import InputError
from dpa.prepare.archive import Member
from dpa.prepare.decode import labels, open_picture

Rule = Callable[[Image.Image], np.ndarray]
"""A decoded annotation to its mask, (H, W) bool, or InputError; it travels to other processes."""

BLACK, WHITE = 0, 0xFFFFFF
_HALF = 127


@dataclass(frozen=True)
class Objects:
    """Every label but 0 is an object, as in palette PNGs; of JPEGs, which blur, all above the middle grey.

    Attributes:
        void: a palette index that marks pixels of no object either (255 in DAVIS-2017 unsupervised).
    """

    void: int | None = None

    def __call__(self, picture: Image.Image) -> np.ndarray:
        if picture.format in ("JPEG", "MPO"):
            return Above(_HALF)(picture)
        found = labels(picture)
        return (found != 0) & (found != self.void) if picture.mode == "P" else found != 0


@dataclass(frozen=True)
class Above:
    """Grey values above a threshold are the object.

    Attributes:
        threshold: 0 to 254.
    """

    threshold: int = _HALF

    def __call__(self, picture: Image.Image) -> np.ndarray:
        if picture.mode.startswith("I"):
            # Sixteen-bit grey; Pillow would clip it to eight bits.
            return np.asarray(picture).astype(np.int64) >> 8 > self.threshold
        return np.asarray(picture.convert("L")) > self.threshold


@dataclass(frozen=True)
class AllButBackground:
    """Every region but the background: black or white, whichever the pictures' edges have more of.

    Attributes:
        votes: annotations of the same video whose edges decide, all together.
    """

    votes: tuple[Member, ...]

    def __call__(self, picture: Image.Image) -> np.ndarray:
        return labels(picture) != _background(self.votes)


@lru_cache(maxsize=8)
def _background(votes: tuple[Member, ...]) -> int:
    counts = dict.fromkeys((BLACK, WHITE), 0)
    for member in votes:
        try:
            found = labels(open_picture(member, member.read()))
        except InputError:
            continue  # it is reported where its own mask is made
        edge = np.concatenate([found[0], found[-1], found[1:-1, 0], found[1:-1, -1]])
        for colour in counts:
            counts[colour] += np.count_nonzero(edge == colour)
    if not any(counts.values()):
        raise InputError(f"{votes[0]}: no background: its video's regions show no black or white edge")
    return max(counts, key=lambda colour: counts[colour])
