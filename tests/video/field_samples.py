"""H.264 of which every field is a packet, as broadcasts have it: no encoder here makes it."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


class _Bits:
    """Writes the numbers of a bitstream (ITU-T H.264, 7.2 and 9.1)."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, value: int, bits: int = 1) -> "_Bits":
        self.text += f"{value:0{bits}b}"
        return self

    def ue(self, *values: int) -> "_Bits":
        for value in values:
            binary = f"{value + 1:b}"
            self.text += "0" * (len(binary) - 1) + binary
        return self

    def raw(self, data: bytes) -> "_Bits":
        self.text += "0" * (-len(self.text) % 8)
        self.text += "".join(f"{byte:08b}" for byte in data)
        return self

    def unit(self, header: int) -> bytes:
        """The whole unit, with its start code."""
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        data = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
        for byte in range(4):
            data = data.replace(bytes([0, 0, byte]), bytes([0, 0, 3, byte]))
        return b"\0\0\0\1" + bytes([header]) + data


def _headers(width: int, height: int) -> bytes:
    """Sequence and picture parameter sets: main profile, fields allowed, output in the order of decoding."""
    sequence = _Bits().u(77, 8).u(0, 8).u(30, 8).ue(0, 0, 2, 1).u(0).ue(width // 16 - 1, height // 32 - 1)
    sequence.u(0).u(0).u(1).u(0).u(0)
    picture = _Bits().ue(0, 0).u(0).u(0).ue(0, 0, 0).u(0).u(0, 2).ue(0, 0, 0).u(1).u(0).u(0)
    return sequence.unit(0x67) + picture.unit(0x68)


def _field(image: np.ndarray, number: int, bottom: bool) -> bytes:
    """A slice of unpacked (I_PCM) macroblocks, the colour grey: (h, w) uint8 luma."""
    first = number == 0 and not bottom
    slice_ = _Bits().ue(0, 7, 0).u(number % 16, 4).u(1).u(int(bottom))
    if first:
        slice_.ue(0).u(0).u(0)
    else:
        slice_.u(0)
    slice_.ue(0, 1)
    for top in range(0, image.shape[0], 16):
        for left in range(0, image.shape[1], 16):
            slice_.ue(25).raw(image[top : top + 16, left : left + 16].tobytes() + b"\x80" * 128)
    return slice_.unit(0x65 if first else 0x61)


def field_packets(frames: int, size: tuple[int, int] = (32, 32)) -> Iterator[bytes]:
    """Two packets a frame: the upper lines' field and the lower lines'."""
    for number in range(frames):
        image = np.full(size, 60 + 4 * number, np.uint8)
        image[:16, :16] = 200
        for bottom in (False, True):
            start = b"" if number or bottom else _headers(size[1], size[0])
            yield start + _field(image[int(bottom) :: 2], number, bottom)


def make_field_video(path: Path, frames: int) -> Path:
    """An MP4 or transport stream of 25 frames a second with a packet for every field."""
    packets = list(field_packets(frames))
    bare = path.with_suffix(".h264")
    bare.write_bytes(b"".join(packets))
    unit = Fraction(1, 90000)
    with av.open(str(bare)) as source, av.open(str(path), "w") as output:
        stream: Any = output.add_stream_from_template(source.streams.video[0])
        stream.time_base = unit
        for index, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, unit
            packet.pts = packet.dts = index * 1800
            packet.duration, packet.is_keyframe = 1800, index == 0
            output.mux(packet)
    bare.unlink()
    return path
