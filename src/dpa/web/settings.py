"""The settings of `dpa web`."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from dpa.errors import InputError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SITE = re.compile(r"https?://[\w.:-]+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)


@dataclass(frozen=True)
class WebSettings:
    """Where the page is, and how much it takes.

    Attributes:
        host: address to listen at; others than this machine's own need a password.
        port: 0 takes a free one.
        password: that browsers and programs must give; None for none.
        folder: for uploads and results; None for one in the system's place for temporary files.
        max_size: of an upload, bytes.
        max_minutes: length of a video.
        max_disk: of all that is kept, bytes: the oldest goes first.
        max_hours: after which what nobody has used is removed.
        max_waiting: videos that wait for their turn, of all sessions.
        jobs: videos at work at a time.
        device: for the network, see `dpa.device.pick_device`.
        api_only: no page, only what programs need.
        embed_in: address of a site that may show the page in a frame, such as https://huggingface.co.

    Raises:
        InputError: a value that cannot be.

    Example:
        >>> WebSettings().is_local, size_of("2GB")
        (True, 2000000000)
    """

    host: str = "127.0.0.1"
    port: int = 7860
    password: str | None = None
    folder: Path | None = None
    max_size: int = 2 * 10**9
    max_minutes: float = 30.0
    max_disk: int = 20 * 10**9
    max_hours: float = 24.0
    max_waiting: int = 100
    jobs: int = 1
    device: str = "auto"
    api_only: bool = False
    embed_in: str = ""

    def __post_init__(self) -> None:
        if not self.is_local and not self.password:
            raise InputError(
                f"--host {self.host} lets other machines in: give --password too, or leave out --host"
            )
        if self.password is not None and len(self.password) < 8:
            raise InputError("the password is too short: give at least 8 characters")
        for name in ("max_size", "max_minutes", "max_disk", "max_hours", "max_waiting", "jobs"):
            if not getattr(self, name) > 0:
                raise InputError(f"--{name.replace('_', '-')} must be above 0, not {getattr(self, name)}")
        if self.embed_in and not _SITE.fullmatch(self.embed_in):
            raise InputError(f"--embed-in {self.embed_in}: give a site, such as https://huggingface.co")
        if not 0 <= self.port < 65536:
            raise InputError(f"--port {self.port}: a port is a number from 0 to 65535")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def size_of(text: str) -> int:
    """Bytes of a size as people write it: 500MB, 2GB, 1.5 G.

    Raises:
        InputError: it is none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text}: a size is a number and a unit, such as 500MB or 2GB")
    return int(float(match[1]) * _UNITS[match[2].upper()])
