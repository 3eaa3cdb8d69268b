"""Weights into other formats."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.export.int8 import export_int8
    from dpa.export.mean import average
    from dpa.export.onnx import export_onnx

__all__ = ["average", "export_int8", "export_onnx"]

_HOME = {
    "average": "mean",
    "export_int8": "int8",
    "export_onnx": "onnx",
}
__getattr__ = lazy(__name__, _HOME)
