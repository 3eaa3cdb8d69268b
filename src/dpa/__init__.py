"""Automatic video object segmentation by Dual Prototype Attention: a video goes in, masks come out.

    import dpa
    for mask in dpa.segment("in.mp4"):
        mask.binary, mask.probability, mask.index, mask.time

Importing the package imports none of its libraries: each name below is looked up when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dpa._version import __version__
from dpa.errors import DPAError, InputError, MissingExtra, OutputError, TruncatedError, WeightsError

if TYPE_CHECKING:
    from dpa.engine.config import SegmenterConfig
    from dpa.engine.results import Mask, Summary
    from dpa.engine.segmenter import Segmenter, segment
    from dpa.flow.colour import flow_to_image
    from dpa.flow.estimator import make_estimator
    from dpa.model.dpa import DPA
    from dpa.video.frame import Frame

__all__ = [
    "DPA",
    "DPAError",
    "Frame",
    "InputError",
    "Mask",
    "MissingExtra",
    "OutputError",
    "Segmenter",
    "SegmenterConfig",
    "Summary",
    "TruncatedError",
    "WeightsError",
    "__version__",
    "flow_to_image",
    "make_estimator",
    "segment",
]

_HOME = {
    "DPA": "dpa.model.dpa",
    "Frame": "dpa.video.frame",
    "Mask": "dpa.engine.results",
    "Segmenter": "dpa.engine.segmenter",
    "SegmenterConfig": "dpa.engine.config",
    "Summary": "dpa.engine.results",
    "flow_to_image": "dpa.flow.colour",
    "make_estimator": "dpa.flow.estimator",
    "segment": "dpa.engine.segmenter",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name at its first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'dpa' has no attribute {name!r}")
    if name == "DPA" and not _installed("torch"):
        raise MissingExtra("dpa.DPA, the network in torch,")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    names = {*globals(), *__all__}
    return sorted(names if _installed("torch") else names - {"DPA"})


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
