"""What is measured, and how often."""

from dataclasses import dataclass

from dpa.engine.config import SegmenterConfig
from dpa.errors import InputError

PARTS = ("encoders", "attention", "decoder")
TOLERANCE = {"fp32": 1e-5, "fp16": 1e-2, "bf16": 5e-2}
"""Largest difference of probabilities at which the paper's way and the cached one agree: the one encodes
references in a batch of N, the other one by one, which rounds differently."""
LEAST_REPEATS = 3  # fewer have no spread


@dataclass(frozen=True, kw_only=True)
class BenchSettings(SegmenterConfig):
    """Everything that a measurement depends on; JSON values only, as it travels to other processes.

    Attributes:
        video: what is read: a file, or a folder of frames.
        device: as `dpa.device.pick_device` gives it; "auto" is for the command line.
        frames: of the video, from its start, that one repeat reads, writes or segments.
        warmup: repeats that are not counted.
        repeats: at most so many are counted, and at least three.
        seconds: no repeat is started after so long.
        matrix: side of the square matrices of the rate; 0 for 2048 on CPUs and 8192 on GPUs.
    """

    video: str
    device: str = "cpu"
    frames: int = 24
    warmup: int = 1
    repeats: int = 10
    seconds: float = 60.0
    matrix: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.repeats < LEAST_REPEATS:
            raise InputError(f"at least {LEAST_REPEATS} repeats are needed for a spread, not {self.repeats}")
        if self.frames < 2:
            raise InputError(f"at least 2 frames are needed for flow, not {self.frames}")

    @property
    def in_precision(self) -> str:
        """The precision of what is computed in torch or NumPy, which have no int8 here."""
        usual = "fp32" if self.device == "cpu" else "fp16"
        return usual if self.precision in ("auto", "int8") else self.precision
