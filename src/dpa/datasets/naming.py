"""What the name of a frame says: the sequence that it is of, and its number."""

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(?:(?P<group>.*)_)?(?P<number>[0-9]+)", re.DOTALL)


def split_name(stem: str) -> tuple[str, int]:
    """The group and the number in a name.

    Example:
        >>> split_name("bear_00007"), split_name("00007"), split_name("bear")
        (('bear', 7), ('', 7), ('bear', -1))
    """
    match = _NUMBERED.fullmatch(stem)
    return (match["group"] or "", int(match["number"])) if match else (stem, -1)


def by_sequence(stems: Iterable[str], folder: str) -> dict[str, list[str]]:
    """The frames in one folder by their sequences.

    A sequence is all the names that agree but for a last "_" and digits; names without these are frames of
    one sequence, which is called after the folder.

    Args:
        stems: in order, which is kept.
        folder: its name.

    Example:
        >>> by_sequence(["bear_0", "bear_1", "dog_walk_0"], "set")
        {'bear': ['bear_0', 'bear_1'], 'dog_walk': ['dog_walk_0']}
        >>> by_sequence(["frame1", "frame2"], "surf")
        {'surf': ['frame1', 'frame2']}
    """
    found: dict[str, list[str]] = {}
    for stem in stems:
        group, number = split_name(stem)
        found.setdefault(group if group and number >= 0 else folder, []).append(stem)
    return found
