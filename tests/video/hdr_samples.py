"""Videos of high dynamic range."""

from pathlib import Path
from typing import Any

import av
import numpy as np

# Colours as they are coded, 10 bits.
CODED = [
    (0, 0, 0), (200, 200, 200), (400, 400, 400), (520, 520, 520), (593, 593, 593), (767, 767, 767),
    (1023, 1023, 1023), (600, 300, 200), (250, 600, 350), (200, 300, 650), (502, 583, 113), (584, 381, 409),
    (478, 271, 687), (132, 266, 330), (442, 345, 178), (127, 100, 129),
]  # fmt: skip


def make_hdr(path: Path, transfer: int) -> Path:
    """A frame for every colour."""
    with av.open(str(path), "w") as output:
        options = {"x265-params": "log-level=none:lossless=1"}
        stream: Any = output.add_stream("libx265", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrp10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries = transfer, 9
        context.colorspace, context.color_range = 0, 2
        for red, green, blue in CODED:
            frame = av.VideoFrame(64, 48, "gbrp10le")
            for plane, value in zip(frame.planes, (green, blue, red), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
