"""A graph loaded by ONNX Runtime, on the CPU."""

from pathlib import Path
from typing import Any

from dpa.errors import WeightsError


def session(path: str | Path, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` of the graph.

    Args:
        path: of the file.
        threads: that compute a run.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    if not Path(path).is_file():
        raise WeightsError(f"{path}: no such weights file")
    import onnxruntime  # training validates without it

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Decoding, flow and writing share the cores: a waiting thread must not spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # Without its fallback, which tries the same once more and prints that.
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # onnxruntime's exceptions share no public base
        raise broken(path) from error


def broken(path: str | Path) -> WeightsError:
    """What is said of a damaged file."""
    return WeightsError(f"{path}: truncated, or not an ONNX graph; get it again")
