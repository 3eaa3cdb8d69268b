"""What the network has said of a video, kept in small files: masks are made anew without it, to the bit."""

import zlib
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from dpa.arrays import Probability
from dpa.engine.frame_data import FrameData
from dpa.files import make_folder, write_json, write_whole

_WHOLE = "whole.json"
_LEVEL = 1  # of zlib; more takes five times as long for 4 % less


class Kept:
    """A folder with the network's probabilities, a file a frame, as they were before any other stage.

    About a third of their size: 0.2 MB a frame for `dpa-mobile`. A frame that the network did not see has no
    file; one that is being written has none yet.

    Args:
        folder: made with the first frame that is put into it.

    Example:
        >>> from pathlib import Path
        >>> kept = Kept(Path("kept"))
        >>> kept.put(0, np.full((2, 3), 0.25, np.float32))
        >>> kept.get(0).shape, kept.get(1), kept.whole
        ((2, 3), None, False)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def whole(self) -> bool:
        """Whether the run that filled it came to its end."""
        return (self.folder / _WHOLE).exists()

    def close(self, frames: int) -> None:
        """Say that all frames are there.

        Raises:
            OutputError: it cannot be written.
        """
        make_folder(self.folder)
        write_json(self.folder / _WHOLE, {"frames": frames})

    def put(self, index: int, probability: Probability) -> None:
        """Keep the probabilities of a frame.

        Args:
            index: of the frame.
            probability: (h, w) float32.

        Raises:
            OutputError: they cannot be written.
        """
        path = self._path(index)
        if index == 0 or not path.parent.is_dir():
            make_folder(path.parent)
        # Bytes of one weight side by side: exponents are much alike, and pack well.
        planes = probability.astype("<f4").view(np.uint8).reshape(-1, 4).T
        size = np.array(probability.shape, "<u4").tobytes()
        write_whole(path, size + zlib.compress(planes.tobytes(), _LEVEL))

    def get(self, index: int) -> Probability | None:
        """The probabilities of a frame, (h, w) float32; None where there are none."""
        try:
            data = self._path(index).read_bytes()
        except FileNotFoundError:
            return None
        h, w = np.frombuffer(data[:8], "<u4").tolist()
        planes = np.frombuffer(zlib.decompress(data[8:]), np.uint8).reshape(4, -1)
        return np.ascontiguousarray(planes.T).view("<f4").reshape(h, w).astype(np.float32)

    def record(self, frames: Iterable[FrameData]) -> Generator[FrameData, None, None]:
        """Pass frames on, and keep the probabilities of those that have some."""
        for data in frames:
            if data.probability is not None:
                self.put(data.frame.index, data.probability)
            yield data

    def replay(self, frames: Iterable[FrameData]) -> Generator[FrameData, None, None]:
        """Pass frames on with the probabilities that were kept, instead of a network's."""
        for data in frames:
            yield replace(data, probability=self.get(data.frame.index))

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:07d}.p"
