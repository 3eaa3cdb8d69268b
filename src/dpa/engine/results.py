"""What the engine gives back: a mask for every frame, and a summary of a run."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dpa.arrays import Alpha, Binary, Flow, Image, Probability
from dpa.errors import MissingExtra
from dpa.video.frame import Frame
from dpa.video.segmented import Segmented

if TYPE_CHECKING:
    from dpa.video.write.rle import RLE


@dataclass(frozen=True, eq=False)
class Mask:
    """The result for one frame; equal to itself alone.

    Attributes:
        binary: (H, W) bool, the object, at the frame's own resolution.
        coarse: (h, w) float32 in [0, 1], the probability on the network's grid or at any other size.
        frame: the frame; its picture is `frame.image`.
        flow: (h, w, 2) float32, the flow that was used, in pixels of the frame, on its own grid; None where a
            flow picture was given.
        flow_picture: (h, w, 3) uint8 RGB, what the motion stream saw, at its own size; None in a mask that a
            program made itself.
        alpha: (H, W) uint8, refined (`dpa.engine.refine`); None where cut-outs take a ramp over the
            probability.

    Example:
        >>> from dpa import segment
        >>> for mask in segment("in.mp4"):
        ...     cut_out = mask.frame.image * mask.binary[..., None]
        >>> mask.index, mask.binary.shape == mask.probability.shape == cut_out.shape[:2]
        (2, True)
    """

    binary: Binary
    coarse: Probability
    frame: Frame
    flow: Flow | None = None
    flow_picture: Image | None = None
    alpha: Alpha | None = None

    @cached_property
    def segmented(self) -> Segmented:
        """What is written and painted of it (`dpa.video.write`)."""
        return Segmented(self.frame, self.coarse, self.binary, self.flow_picture, self.alpha)

    @property
    def probability(self) -> Probability:
        """(H, W) float32 in [0, 1], at the frame's own resolution."""
        return self.segmented.probability

    @property
    def index(self) -> int:
        """Place of the frame in the source, from 0."""
        return self.frame.index

    @property
    def area(self) -> int:
        """Pixels of the object."""
        return int(self.binary.sum())

    @property
    def bbox(self) -> tuple[int, int, int, int] | None:
        """The object's box, (x, y, width, height) in pixels as COCO has it; None for an empty mask.

        Example:
            >>> binary = np.zeros((4, 6), bool)
            >>> binary[1:3, 2:5] = True
            >>> Mask(binary, binary.astype(np.float32), Frame(np.zeros((4, 6, 3), np.uint8), 0)).bbox
            (2, 1, 3, 2)
        """
        columns, rows = (np.flatnonzero(self.binary.any(axis=axis)) for axis in (0, 1))
        if not len(rows):
            return None
        x, y = int(columns[0]), int(rows[0])
        return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y

    def rle(self) -> "RLE":
        """The mask in COCO's run-length encoding, {"size": [H, W], "counts": str}."""
        from dpa.video.write.rle import encode

        return encode(self.binary)

    def to_supervision(self) -> Any:
        """The mask as `supervision.Detections`: one object of class 0, none where the mask is empty.

        Its confidence is the mean probability inside the mask.

        Raises:
            MissingExtra: supervision is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise MissingExtra("Mask.to_supervision", "supervision") from error
        if self.bbox is None:
            return supervision.Detections.empty()
        x, y, width, height = self.bbox
        return supervision.Detections(
            xyxy=np.array([[x, y, x + width, y + height]], np.float32),
            mask=self.binary[None],
            confidence=np.array([self.probability[self.binary].mean()], np.float32),
            class_id=np.array([0]),
        )

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
        encoders: of the videos among them, by their names.
        settings: of the run.
        problem: why frames are missing, if any are.
        warnings: what was lost though all frames are there, a sentence each: a sound track, for instance.
        shots: of the frames written, see `dpa.engine.shots.Shot`.

    Example:
        >>> from dpa import segment
        >>> summary = segment("in.mp4", output="out")
        >>> summary.frames, summary.outputs, summary.warnings
        (3, ['out'], [])
    """

    source: str = ""
    frames: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""
    model: str = ""
    backend: str = ""
    flow: dict[str, Any] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    encoders: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    warnings: list[str] = field(default_factory=list)
    shots: list[dict[str, Any]] = field(default_factory=list)
