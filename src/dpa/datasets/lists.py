"""Lists of videos as the public sets have them."""

from pathlib import Path

from dpa.errors import InputError
from dpa.video.listing import is_listed


def listed_videos(file: Path) -> list[str]:
    """Names of videos, each once: a name on every line, or the frames with their masks (DAVIS-2016).

    Raises:
        InputError: it cannot be read as text.
    """
    try:
        lines = [line.split() for line in file.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not a text file with names of videos") from error
    words = [Path(line[0]) for line in lines if line]
    return list(dict.fromkeys(p.parent.name if is_listed(p.name) else p.as_posix() for p in words))
