"""Writing a file whole or not at all."""

import errno
import os
from pathlib import Path

from dpa.errors import OutputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a hidden name in the same folder and rename it: it is there whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    target = path.resolve()  # a symbolic link stays one
    part = target.with_name(f".{target.name}.part{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(f"{path}: the disk is full; free some space and run again") from error
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
