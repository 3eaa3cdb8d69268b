"""Optical flow: estimators behind one protocol, its drawing, pictures of it."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.flow.colour import flow_to_image
    from dpa.flow.estimator import make_estimator
    from dpa.flow.stream import flows

__all__ = ["flow_to_image", "flows", "make_estimator"]

_HOME = {
    "flow_to_image": "colour",
    "flows": "stream",
    "make_estimator": "estimator",
}
__getattr__ = lazy(__name__, _HOME)
