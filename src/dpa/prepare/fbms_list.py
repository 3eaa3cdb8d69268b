"""The lists of FBMS-59, SEQUENCEDef.dat: which frames are annotated, and in which files."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """One annotated frame.

    Attributes:
        label: name of the annotation's file.
        image: name of the frame's file; None where the list does not say.
        frame: number of the frame, from 0; None where the list does not say.
    """

    label: str
    image: str | None = None
    frame: int | None = None


def parse(text: str) -> list[Listed]:
    """The annotated frames of a list; other lines (regions, scale, penalties) are passed over.

    A list is made of titles that end with a colon and values, on the same line or the next. An annotated
    frame is a `File name`, with a `Frame number` before it and an `Input file name` after it.
    """
    found: list[Listed] = []
    frame: int | None = None
    for title, value in _titled(text):
        if title == "frame number":
            frame = int(value) if value.isdecimal() else None
        elif title == "file name":
            found.append(Listed(_base(value), None, frame))
            frame = None
        elif title == "input file name" and found:
            found[-1] = Listed(found[-1].label, _base(value), found[-1].frame)
    return found


def _titled(text: str) -> list[tuple[str, str]]:
    """(title in lower case, value) pairs; the value is what follows, up to the end of its line."""
    pairs: list[tuple[str, str]] = []
    title: str | None = None
    for line in (line.strip() for line in text.splitlines()):
        if not line:
            continue
        head, colon, rest = line.partition(":")
        if colon and rest.strip():
            pairs.append((_plain(head), rest.strip()))
            title = None
        elif colon:
            title = _plain(head)
        elif title is not None:
            pairs.append((title, line))
            title = None
    return pairs


def _plain(title: str) -> str:
    return " ".join(title.lower().replace("filename", "file name").split())


def _base(value: str) -> str:
    return value.replace("\\", "/").rsplit("/", 1)[-1]
