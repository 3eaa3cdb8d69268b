"""Pictures that training leaves out, by a rule that needs no list: the hash of their names."""

import hashlib


def is_held_out(name: str, every: int) -> bool:
    """Whether a picture is one of those, about every n-th, that are kept for measuring.

    Args:
        name: of its file, without suffix: the same wherever the picture lies, and in whatever format.
        every: n; 0 holds out none.
    """
    return every > 0 and int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % every == 0
