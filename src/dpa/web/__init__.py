"""A page for people without a terminal: drop a video, look, download; and the same for programs."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.web.settings import WebSettings

__all__ = ["WebSettings"]

__getattr__ = lazy(__name__, {"WebSettings": "settings"})
