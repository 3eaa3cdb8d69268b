"""Measures of masks against ground truth."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.evaluate.run import evaluate

__all__ = ["evaluate"]

_HOME = {
    "evaluate": "run",
}
__getattr__ = lazy(__name__, _HOME)
