"""What the engine gives back: a mask for every frame, and a summary of a run."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from dpa.video.frame import Frame


@dataclass(frozen=True)
class Mask:
    """The result for one frame.

    Attributes:
        binary: (H, W) bool, the object, at the frame's own resolution.
        probability: (H, W) float32 in [0, 1].
        frame: the frame; its picture is `frame.image`.
        flow: (h, w, 2) float32, the flow that was used, in pixels of the frame, on its own grid; None where a
            flow picture was given.
        flow_picture: (h, w, 3) uint8 RGB, what the motion stream saw, at its own size.
    """

    binary: np.ndarray
    probability: np.ndarray
    frame: Frame
    flow: np.ndarray | None
    flow_picture: np.ndarray

    @property
    def index(self) -> int:
        """Place of the frame in the source, from 0."""
        return self.frame.index

    @property
    def time(self) -> Fraction | None:
        """Presentation time in seconds; None for pictures."""
        return self.frame.time


@dataclass
class Summary:
    """What a run did.

    Attributes:
        source: the video's file, or the name of what else was read.
        frames: number of frames written; a resumed run does not count what was there.
        seconds: work by stage; stages overlap, so that their sum is above "total".
        device, model, backend: what computed the masks.
        flow: recipe of the flow.
        outputs: what was written.
        settings: of the run.
        problem: why frames are missing, if any are.
        warnings: what was lost though all frames are there, a sentence each: a sound track, for instance.
        shots: of the frames written, see `dpa.engine.shots.Shot`.
    """

    source: str = ""
    frames: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""
    model: str = ""
    backend: str = ""
    flow: dict[str, Any] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    warnings: list[str] = field(default_factory=list)
    shots: list[dict[str, Any]] = field(default_factory=list)
