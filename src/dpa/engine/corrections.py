"""Regions that a person took out of the masks, or put into them: kept in files, and applied."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dpa.arrays import Binary, Probability
from dpa.engine.frame_data import FrameData
from dpa.files import make_folder, write_whole

ADD, REMOVE = "add", "remove"


class Correction:
    """A region in some of a video's frames, in a folder with a small file for each.

    Args:
        folder: its name ends in "-add" or "-remove", which says what it is for.

    Example:
        >>> from pathlib import Path
        >>> correction = Correction(Path("first-remove"))
        >>> correction.put(3, np.eye(4, dtype=bool))
        >>> correction.adds, int(correction.get(3).sum()), correction.get(4)
        (False, 4, None)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.adds = folder.name.endswith(f"-{ADD}")

    def put(self, index: int, region: Binary) -> None:
        """Keep the region of a frame, (h, w) bool, on the probability's grid.

        Raises:
            OutputError: it cannot be written.
        """
        make_folder(self.folder)
        size = np.array(region.shape, "<u4").tobytes()
        write_whole(self._path(index), size + zlib.compress(np.packbits(region).tobytes()))

    def get(self, index: int) -> Binary | None:
        """The region of a frame; None where it has none."""
        try:
            data = self._path(index).read_bytes()
        except FileNotFoundError:
            return None
        h, w = np.frombuffer(data[:8], "<u4").tolist()
        bits = np.unpackbits(np.frombuffer(zlib.decompress(data[8:]), np.uint8), count=h * w)
        return bits.reshape(h, w).astype(bool)

    @property
    def frames(self) -> list[int]:
        """The frames that have a region, in order."""
        return sorted(int(path.stem) for path in self.folder.glob("*.r"))

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:07d}.r"


class Corrected:
    """Applies corrections, in their order, see `dpa.engine.pipeline.Edit`.

    Probabilities are turned over at the threshold where they are on the wrong side of it, so that nothing
    jumps at the region's border.

    Args:
        corrections: of the video.
        threshold: of the probability.
    """

    def __init__(self, corrections: Sequence[Correction], threshold: float) -> None:
        self._corrections, self._threshold = corrections, threshold

    def __call__(self, data: FrameData) -> FrameData:
        assert data.probability is not None
        probability = data.probability
        for correction in self._corrections:
            region = correction.get(data.frame.index)
            if region is not None:
                probability = _turned(probability, region, self._threshold, correction.adds)
        return data if probability is data.probability else replace(data, probability=probability)


def _turned(probability: Probability, region: Binary, threshold: float, adds: bool) -> Probability:
    if adds:
        other = np.maximum(1 - (1 - threshold) * probability / threshold, threshold)
        return np.where(region & (probability <= threshold), other, probability).astype(np.float32)
    other = np.minimum(threshold * (1 - probability) / (1 - threshold), threshold)
    return np.where(region & (probability > threshold), other, probability).astype(np.float32)
