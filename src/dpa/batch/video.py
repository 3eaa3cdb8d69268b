"""One input of many."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dpa.video.read import VIDEO_SUFFIXES


@dataclass(frozen=True)
class Video:
    """One input.

    Attributes:
        source: what `dpa.video.read.open_source` opens.
        place: what its result is to be called: its name, or its path below the folder that was given.
        output: a name of its own for the result, from a manifest; "" for none.
        kind: of the result, from a manifest; "" for that of the run.
        settings: of `SegmenterConfig`, from a manifest.
    """

    source: str
    place: str
    output: str = ""
    kind: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def is_video(name: str) -> bool:
    """Whether a file of this name in a folder is a video: by its suffix, and not hidden."""
    path = Path(name)
    return not path.name.startswith(".") and path.suffix.lower() in VIDEO_SUFFIXES
