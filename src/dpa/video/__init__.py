"""Reading and writing: files, folders, cameras and streams in; masks, videos and annotations out.

A name's module is imported when the name is first used: training reads pictures where PyAV is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpa.video.frame import Frame
    from dpa.video.live import RawVideo
    from dpa.video.read import open_source
    from dpa.video.source import Source
    from dpa.video.write import KINDS, Sink, kind_of, open_sink

__all__ = ["KINDS", "Frame", "RawVideo", "Sink", "Source", "kind_of", "open_sink", "open_source"]

_HOME = {"Frame": "frame", "RawVideo": "live", "open_source": "read", "Source": "source"}


def __getattr__(name: str) -> Any:
    """Import the module of a public name at its first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'dpa.video' has no attribute {name!r}")
    value = getattr(import_module(f"dpa.video.{_HOME.get(name, 'write')}"), name)
    globals()[name] = value
    return value
