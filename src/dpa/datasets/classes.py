"""Classes of objects that sequences are named after."""

import re

YOUTUBE_OBJECTS = ("aeroplane", "bird", "boat", "car", "cat", "cow", "dog", "horse", "motorbike", "train")
"""Of YouTube-Objects (Prest et al., CVPR 2012)."""


def class_of(sequence: str, classes: tuple[str, ...]) -> str | None:
    """The class that a sequence's name begins with: `cat0001`, `cat_0001`, `cat-1`, `cat/0001`, `cat`.

    The class must end there: `cattle01` is no `cat`.
    """
    match = re.match(r"[A-Za-z]+", sequence)
    word = match[0].lower() if match else ""
    return word if word in classes else None
