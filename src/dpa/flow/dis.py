"""Dense Inverse Search flow (Kroeger et al., ECCV 2016), OpenCV's: no weights, made for CPUs."""

import threading

import cv2
import numpy as np

from dpa.arrays import Flow, Grey, Image

_PRESETS = {
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
}

# Below this OpenCV raises, or changes its patch size for the rest of the object's life.
_LEAST_SIDE = 96


class DIS:
    """DIS flow of grey pictures; may be called from several threads (one at a time is served).

    Pictures with a side under 96 pixels are padded with their edge pixels and the flow is cropped again, so
    any size from 1 x 1 up works; expect little of the flow of such pictures.

    Args:
        preset: "medium", "fast" or "ultrafast": OpenCV's trade of quality for time.

    Raises:
        ValueError: unknown preset.
    """

    def __init__(self, preset: str = "medium") -> None:
        if preset not in _PRESETS:
            raise ValueError(f"preset must be one of {', '.join(_PRESETS)}, not {preset!r}")
        self.name = "dis" if preset == "medium" else f"dis-{preset}"
        self.recipe: dict[str, object] = {
            "estimator": "DIS",
            "preset": preset,
            "versions": {"opencv": cv2.__version__},
        }
        self._search = cv2.DISOpticalFlow.create(_PRESETS[preset])
        self._lock = threading.Lock()

    def __call__(self, first: Image, second: Image) -> Flow:
        """Flow from `first` to `second`: (H, W, 3) uint8 RGB each; gives (H, W, 2) float32, pixels.

        Raises:
            ValueError: the pictures differ in size.
        """
        if first.shape != second.shape:
            raise ValueError(f"pictures of one size are needed, not {first.shape} and {second.shape}")
        height, width = first.shape[:2]
        with self._lock:
            # OpenCV types leave None out; an array would be read as a first guess.
            flow = self._search.calc(_grey(first), _grey(second), None)
        return np.ascontiguousarray(flow[:height, :width])


def _grey(image: Image) -> Grey:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    below = max(0, _LEAST_SIDE - grey.shape[0])
    right = max(0, _LEAST_SIDE - grey.shape[1])
    if below or right:
        grey = cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return grey
