"""The words of the page and of the server's sentences, from one file."""

import json
from functools import cache
from importlib.resources import files


@cache
def words() -> dict[str, str]:
    """All of them, by key."""
    return dict(json.loads((files("dpa.web") / "page" / "words.json").read_text("utf-8")))


def say(key: str, **values: object) -> str:
    """A sentence with its values filled in.

    Example:
        >>> say("error.size", most="2 GB")
        'The file is larger than 2 GB, which is the most that this server takes.'
    """
    return words()[key].format(**values)
