"""The engine: frames -> flow -> network -> masks, bounded and streaming."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.engine.config import SegmenterConfig
    from dpa.engine.part import Part
    from dpa.engine.results import Mask, Summary
    from dpa.engine.segmenter import Segmenter, segment

__all__ = ["Mask", "Part", "Segmenter", "SegmenterConfig", "Summary", "segment"]

_HOME = {
    "Mask": "results",
    "Part": "part",
    "Segmenter": "segmenter",
    "SegmenterConfig": "config",
    "Summary": "results",
    "segment": "segmenter",
}
__getattr__ = lazy(__name__, _HOME)
