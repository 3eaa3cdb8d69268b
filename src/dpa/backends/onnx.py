"""The network as an ONNX graph (`dpa export onnx`), run by ONNX Runtime: the default on CPUs."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from dpa.arrays import Features, Image, Images
from dpa.backends.protocol import Memory, Seen
from dpa.device import cores
from dpa.errors import DPAError, WeightsError
from dpa.model.appearance import appearance
from dpa.model.config import DPAConfig
from dpa.model.session import broken, session

METADATA = "dpa_config"
PRECISION = "dpa_precision"
PROBABILITY, OWN = "probability", ("own_key", "own_value")
FEATURES = "features"  # with the number of the stage
DINOV2 = "dinov2"
_MOST = 8  # frames side by side; each needs memory of its own


class OnnxBackend:
    """A `Backend` on the CPU; needs no torch.

    Frames that are given together are computed side by side, each by one thread: no thread waits for another
    inside a frame. Where they are given one by one, each is computed by all threads, from the second on: that
    takes the graph loaded once more, which a last odd frame is not worth.

    Args:
        path: graph written by `dpa export onnx`; carries its settings with it.
        threads: of ONNX Runtime; 0 for one per core.

    Raises:
        WeightsError: the file is missing, damaged, or not one of this project's graphs.
    """

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, path: Path, threads: int = 0) -> None:
        self.weights = str(path)
        self._threads = threads or cores()
        self.batch = min(self._threads, _MOST)
        self._pool = ThreadPoolExecutor(self.batch, "dpa-graph")
        self._sessions: dict[int, Any] = {}
        self._alone = 0  # frames that came alone, in a row
        graph = self._session(self._threads // self.batch)
        try:
            self._wanted = [i.name for i in graph.get_inputs()]
            outputs = [output.name for output in graph.get_outputs()]
            facts = graph.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise broken(path) from error
        self._features = [name for name in outputs if name.startswith(FEATURES)]
        self.has_features = bool(self._features)
        self.config, self.precision = _config(path, facts), facts.get(PRECISION, "fp32")
        self._of_frames = [*self._features, DINOV2] if self.config.dinov2 else self._features

    def __call__(
        self,
        images: Images,
        flows: Images,
        references: Memory,
        *,
        remember: bool = False,
        features: bool = False,
        dinov2: Features | None = None,
    ) -> Seen:
        together = len(images) > 1
        self._alone = 0 if together else self._alone + 1
        graph = self._session(self._threads if self._alone > 1 else self._threads // self.batch)
        shared = {
            "key": references.key[None],
            "value": references.value[None],
            "remember": np.array(remember),
        }

        own = OWN if remember and self.config.ifa else ()
        names = (PROBABILITY, *own, *(self._features if features else ()))

        def run(frame: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            given = {name: array[None] for name, array in frame.items()} | shared
            feed = {name: np.ascontiguousarray(given[name]) for name in self._wanted}
            found = graph.run(names, feed)
            return frame | {name: array[0] for name, array in zip(names, found, strict=True)}

        frames = [*map(self._frame, images, flows, dinov2 or repeat(None))]
        results = [*(self._pool.map if together else map)(run, frames)]
        return Seen(
            np.stack([result[PROBABILITY] for result in results]),
            [Memory(*(result[name] for name in own)) for result in results if own],
            [[result[name] for name in self._of_frames] for result in results if features],
        )

    def _frame(self, image: Image, flow: Image, dinov2: np.ndarray | None) -> dict[str, np.ndarray]:
        """A frame's inputs, by name."""
        if not self.config.dinov2:
            return {"image": image, "flow": flow}
        shown = appearance(self._threads)(image) if dinov2 is None else dinov2
        return {"image": image, "flow": flow, DINOV2: shown}

    def _session(self, threads: int) -> Any:
        """The graph, loaded for a number of threads a frame."""
        if threads not in self._sessions:
            self._sessions[threads] = session(self.weights, threads)
        return self._sessions[threads]


def _config(path: Path, facts: dict[str, str]) -> DPAConfig:
    if METADATA not in facts:
        raise WeightsError(f"{path}: an ONNX graph, but not one written by `dpa export onnx`")
    try:
        return DPAConfig.from_dict(json.loads(facts[METADATA]))
    except (ValueError, TypeError, DPAError) as error:
        raise WeightsError(f"{path}: {error}; export it again with this version") from error
