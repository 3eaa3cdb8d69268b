"""The network as an ONNX graph (`dpa export onnx`), run by ONNX Runtime: the default on CPUs."""

import json
from pathlib import Path

import numpy as np
import onnxruntime

from dpa.backends.protocol import Memory
from dpa.errors import DPAError, WeightsError
from dpa.model.config import DPAConfig

METADATA = "dpa_config"


class OnnxBackend:
    """A `Backend` on the CPU; needs no torch.

    Args:
        path: graph written by `dpa export onnx`; carries its settings with it.
        threads: of ONNX Runtime; 0 for one per core.

    Raises:
        WeightsError: the file is missing, damaged, or not one of this project's graphs.
    """

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, path: Path, threads: int = 0) -> None:
        if not path.is_file():
            raise WeightsError(f"{path}: no such weights file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Decoding, flow and writing share the cores: a waiting thread must not spin.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise WeightsError(f"{path}: truncated, or not an ONNX graph; get it again") from error
        self.weights = str(path)
        self.config = self._read_config(path)
        self._wanted = {i.name for i in self._session.get_inputs()}

    def _read_config(self, path: Path) -> DPAConfig:
        written = self._session.get_modelmeta().custom_metadata_map.get(METADATA)
        if written is None:
            raise WeightsError(f"{path}: an ONNX graph, but not one written by `dpa export onnx`")
        try:
            return DPAConfig.from_dict(json.loads(written))
        except (ValueError, TypeError, DPAError) as error:
            raise WeightsError(f"{path}: {error}; export it again with this version") from error

    def __call__(self, image: np.ndarray, flow: np.ndarray, references: Memory) -> tuple[np.ndarray, Memory]:
        given = {"image": image, "flow": flow, "key": references.key, "value": references.value}
        feed = {
            name: np.ascontiguousarray(array)[None] for name, array in given.items() if name in self._wanted
        }
        probability, *own = self._session.run(None, feed)
        return probability[0], Memory(own[0][0], own[1][0]) if own else Memory.blank(self.config)
