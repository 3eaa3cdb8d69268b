"""From high dynamic range (HLG and PQ, ITU-R BT.2100) to what ordinary screens show."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np

# ITU-T H.273's numbers of transfer characteristics and primaries.
PQ, HLG = 16, 18
_BT2020 = 9
# The pixels that tone-mapping takes. FFmpeg looks planes up faster than pixels.
CODED = "gbrp10le"
# Linear light is counted in units of this many cd/m2, the white of ordinary video.
_WHITE = 100.0
# HLG is made for a screen of this peak, and PQ that does not say how bright it gets is taken for it too.
_PEAK = 1000.0
# ITU-R BT.2020 to BT.709 primaries, linear light, rows R, G, B (ITU-R BT.2087, annex 2, inverted).
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
_LEVELS = 33  # of each channel in the table
_GAMMA = 2.4  # of ordinary screens (ITU-R BT.1886)


@dataclass
class ToneMap:
    """Tone-mapping as FFmpeg does it: `zscale=t=linear:npl=100`, BT.709 primaries, `tonemap=hable:desat=0`.

    The brightest of a pixel's three channels goes through Hable's curve ("Uncharted 2: HDR Lighting", GDC
    2010) and takes the others with it, so that hues stay.

    Attributes:
        transfer: `PQ` or `HLG`.
        wide: whether the primaries are those of BT.2020.
        peak: cd/m2 that becomes the brightest white.
    """

    transfer: int
    wide: bool = True
    peak: float = _PEAK
    _graph: av.filter.Graph | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "ToneMap | None":
        """What a frame needs; None for ordinary ones."""
        if frame.color_trc not in (PQ, HLG):
            return None
        return cls(int(frame.color_trc), int(frame.color_primaries) in (2, _BT2020))

    @property
    def white(self) -> float:
        """Code of the white of titles and drawings, 203 cd/m2, from 0 to 1 (ITU-R BT.2408, table 1)."""
        return 0.58 if self.transfer == PQ else 0.75

    @property
    def primaries(self) -> int:
        """ITU-T H.273's number."""
        return _BT2020 if self.wide else 1

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Maps a frame of the format `CODED`, full range, into one of rgb24 for an ordinary screen.

        Raises:
            av.FFmpegError: where FFmpeg refuses; it looks the colours up in a table.
        """
        if self._graph is None:
            self._graph = self._table(frame)
        self._graph.push(frame)
        mapped: Any = self._graph.pull()
        return mapped

    def _table(self, frame: av.VideoFrame) -> av.filter.Graph:
        """A filter that looks colours up in a table of `mapped` ones."""
        code = np.linspace(0, 1, _LEVELS, dtype=np.float32)
        blue, green, red = np.meshgrid(code, code, code, indexing="ij")
        table = self.mapped(np.stack([red, green, blue], axis=-1).reshape(-1, 1, 3)).reshape(-1, 3)
        graph = av.filter.Graph()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "table.cube"
            with path.open("w") as file:
                file.write(f"LUT_3D_SIZE {_LEVELS}\n")
                np.savetxt(file, table, "%.5f")
            steps = [
                graph.add_buffer(
                    width=frame.width,
                    height=frame.height,
                    format=av.VideoFormat(CODED),
                    time_base=Fraction(1),
                ),
                graph.add("lut3d", file=str(path), interp="tetrahedral"),
                graph.add("format", "rgb24"),
                graph.add("buffersink"),
            ]
            graph.link_nodes(*steps).configure()
        return graph

    def mapped(self, coded: np.ndarray) -> np.ndarray:
        """Maps colours: (h, w, 3) float32 in [0, 1] as they are coded, to the same for an ordinary screen."""
        light = self._light(coded)
        if self.transfer == HLG:
            # The screen's own share (BT.2100, table 5, note 5f): a power of the scene's luminance.
            luma = cv2.transform(light, _LUMA[None])
            light *= cv2.pow(np.maximum(luma, 1e-6), 0.2)[:, :, None] * np.float32(_PEAK / _WHITE)
        if self.wide:
            light = np.maximum(cv2.transform(light, _TO_BT709), 0)
        signal = np.maximum(light.max(axis=2), 1e-6)
        light *= (_hable(signal) / (_hable(self.peak / _WHITE) * signal))[:, :, None]
        return np.clip(light, 0, 1) ** (1 / _GAMMA)

    def _light(self, code: np.ndarray) -> np.ndarray:
        """Light in units of 100 cd/m2 (PQ), or of the scene from 0 to 1 (HLG); float32."""
        if self.transfer == PQ:
            m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
            root = code ** (1 / m2)
            light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * 10000 / _WHITE
        else:
            a, b, c = 0.17883277, 0.28466892, 0.55991073
            light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        return light.astype(np.float32)


def _hable(light: np.ndarray | float) -> np.ndarray | float:
    a, b, c, d, e, f = 0.15, 0.5, 0.1, 0.2, 0.02, 0.3
    return (light * (light * a + b * c) + d * e) / (light * (light * a + b) + d * f) - e / f
