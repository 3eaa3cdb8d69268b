"""The engine: frames -> flow -> network -> masks, streaming, with bounded memory."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from dpa.arrays import Image
from dpa.backends import Backend, open_backend
from dpa.device import pick_device
from dpa.engine.config import DINOV2, OFF, SegmenterConfig, Settings
from dpa.engine.flow import FlowInput, Given
from dpa.engine.kept import Kept
from dpa.engine.part import Part
from dpa.engine.pipeline import Edit, Pipeline
from dpa.engine.results import Mask, Summary
from dpa.engine.step import Stepper
from dpa.engine.threads import Clock
from dpa.engine.writing import fill
from dpa.errors import InputError
from dpa.flow.estimator import NONE, FlowEstimator, choose, make_estimator
from dpa.flow.stream import DIRECTION, LAST_FRAME
from dpa.video.arrays import Arrays
from dpa.video.excerpt import Excerpt
from dpa.video.range import Range
from dpa.video.read import open_source
from dpa.video.source import Source
from dpa.video.write import Sink, check_apart, open_sink
from dpa.video.write.backdrop import GREEN, open_backdrop
from dpa.video.write.encoders import ENCODES, SOFTWARE
from dpa.video.write.paint import OVERLAY_SHARE, Look

if TYPE_CHECKING:
    from typing_extensions import Unpack


Input = str | Path | Sequence[str | Path] | Arrays | Source
"""What can be segmented, see `Segmenter.masks`."""


class Segmenter:
    """A network and a flow estimator, ready for any number of videos.

    Args:
        config: the settings; None for the defaults.
        backend: a network that is ready: what is said of the network's weights, precision and threads is then
            not used.
        settings: of `SegmenterConfig`, instead of those of `config`.

    Attributes:
        config: the settings with all that was left open decided: device, flow, precision, references, size
            and keep_aspect.
        backend: the network.
        estimator: of the flow; None where there is none.
        flow_reason: why it is this one, a sentence.

    Raises:
        DPAError: see `SegmenterConfig`, `open_backend`, `pick_device` and `make_estimator`.

    Example:
        >>> segmenter = Segmenter(size=128)
        >>> for mask in segmenter.masks(np.zeros((2, 96, 128, 3), np.uint8)):
        ...     print(mask.index, mask.area)
        0 0
        1 0
    """

    def __init__(
        self,
        config: SegmenterConfig | None = None,
        *,
        backend: Backend | None = None,
        **settings: "Unpack[Settings]",
    ) -> None:
        c = (config or SegmenterConfig()).changed(settings)
        device = pick_device(c.device)
        self.backend = backend or open_backend(
            c.model, c.weights, device, c.threads, c.precision, compiled=c.compiled
        )
        flow, self.flow_reason = choose(c.flow, device)
        self.estimator: FlowEstimator | None = None if flow == NONE else make_estimator(flow, device)
        target = c.target if self.backend.has_features or c.target == DINOV2 else OFF
        decided = replace(c, device=device, flow=flow, precision=self.backend.precision, target=target)
        self.config = decided.for_network(self.backend.config)
        self._stepper: Stepper | None = None

    @property
    def engine(self) -> str:
        """What computes, in a few words."""
        backend = self.backend
        return f"{self.config.name} on {backend.device} ({backend.name}, {backend.precision})"

    def masks(
        self,
        source: Input,
        *,
        flow_pictures: Given = None,
        part: Part | None = None,
    ) -> Generator[Mask, None, None]:
        """The masks of a video, one frame at a time and in order.

        Decoding, flow and the network run in threads of their own. Memory does not grow with the video's
        length. Closing the generator early ends the threads and closes the file.

        Args:
            source: whatever `dpa.video.read.open_source` opens, arrays of frames too, or a source that is
                open (and stays so; a live one is then used up). An iterator of arrays is live: its frames are
                read once, and references are gathered on the way.
            flow_pictures: one entry a frame: a flow picture that exists already, or None where flow is to be
                computed, as for all frames by default. Any size; it is resized to the network's input.
            part: only its masks: those that the whole video has there.

        Raises:
            InputError: the input cannot be used.
            TruncatedError: after the last mask, where frames of the video are missing.
        """
        with ExitStack() as stack:
            opened = source if isinstance(source, Source) else stack.enter_context(open_source(source))
            with closing(self._pipeline(opened, Clock(), flow_pictures).masks(part=part)) as masks:
                yield from masks
            opened.check()

    def step(self, frame: Image) -> Mask:
        """The mask of the next frame of a loop of one's own, at once and from what came before alone.

        The state between frames is kept here and does not grow; `reset` begins another video.

        Args:
            frame: (H, W, 3) uint8, RGB. It must not be written into before the next one is given.

        Raises:
            InputError: no such array, another size than the frames before, or `every` above 1.

        Example:
            >>> segmenter = Segmenter()
            >>> for frame in np.zeros((3, 96, 128, 3), np.uint8):
            ...     mask = segmenter.step(frame)
            >>> mask.index, mask.binary.shape
            (2, (96, 128))
        """
        if self._stepper is None:
            self._stepper = Stepper(self.backend, self.estimator, self.config)
        return self._stepper.step(frame)

    def reset(self) -> None:
        """Forget the frames given to `step`: the next one is the first of another video."""
        self._stepper = None

    def write(
        self,
        source: Input,
        outputs: Sequence[tuple[str | Path, str | None]],
        *,
        overwrite: bool = False,
        resume: bool = False,
        encode: str = ENCODES[0],
        encoder: str = SOFTWARE,
        flow_pictures: Given = None,
        progress: Callable[[int, int | None], None] | None = None,
        raw_out: str | None = None,
        part: Part | None = None,
        frames: tuple[int, int] | None = None,
        kept: Kept | None = None,
        edit: Edit | None = None,
        strength: float = OVERLAY_SHARE,
        background: str = GREEN,
    ) -> Summary:
        """Segment a video into files; several outputs cost one computation.

        Args:
            source: as for `masks`.
            outputs: (path, kind) each; the kind may be None, see `dpa.video.write.kind_of`.
            overwrite: replace what exists, when the new one is whole.
            resume: continue folders at their first missing frame.
            encode: how hard the encoders of videos work, one of `dpa.video.write.encoders.ENCODES`.
            encoder: of videos, see `dpa.video.write.encoders.choose_encoder`.
            flow_pictures: as for `masks`.
            progress: called with the number of frames done and the number of all (None if not known).
            raw_out: pixels of bare frames on standard output, see `dpa.video.write.open_sink`.
            part: only this part of the video is written, without sound and on a clock that starts with it.
            frames: the first, and the one after the last, that are written, as a video of their own; None for
                all.
            kept: probabilities of this video: read instead of running the network where they are whole, else
                filled by this run; whole where that goes from the video's first frame to its end.
            edit: changes probabilities before masks are finished, see `dpa.engine.pipeline.Edit`.
            strength: of the overlay's tint, from 0 to 1.
            background: behind the object in the kind green, see `dpa.video.write.backdrop.open_backdrop`.

        Raises:
            InputError, OutputError: before any work where possible; nothing half-written is left.
            TruncatedError: frames are missing; what could be decoded has been written.
        """
        check_apart([path for path, _ in outputs])
        clock, summary = Clock(), self._summary(outputs, flow_pictures)
        sinks: list[Sink] = []
        with ExitStack() as stack:
            opened = source if isinstance(source, Source) else stack.enter_context(open_source(source))
            shown = opened
            if part is not None:
                shown = Excerpt(opened, part.start, part.end)
            elif frames is not None:
                shown = Range(opened, *frames)
            summary.source = str(opened.path or opened.url or opened.name)
            try:
                with ExitStack() as writing, clock.time("total"):
                    how: dict[str, Any] = {"overwrite": overwrite, "resume": resume, "raw_out": raw_out}
                    backdrop = open_backdrop(background)
                    if backdrop is not None:
                        stack.enter_context(backdrop)
                    how |= {"encode": encode, "encoder": encoder, "look": Look(strength, backdrop)}
                    for path, kind in outputs:
                        sinks.append(writing.enter_context(open_sink(path, kind, shown, **how)))
                    named = zip(outputs, sinks, strict=True)
                    summary.encoders = {str(path): sink.encoder for (path, _), sink in named if sink.encoder}
                    pipeline = self._pipeline(opened, clock, flow_pictures, kept, edit)
                    told = progress or (lambda done, count: None)
                    fill(sinks, shown if frames else opened, pipeline, clock, summary, told, part)
                    begun = min((sink.start for sink in sinks), default=0)
                    if kept is not None and shown is opened and not begun and not kept.whole:
                        kept.close(summary.frames)
                summary.warnings += opened.warnings
            finally:
                summary.warnings += [sentence for sink in sinks for sentence in sink.warnings]
                summary.seconds = {stage: round(seconds, 3) for stage, seconds in clock.seconds.items()}
            if opened.damage is not None:
                summary.problem, opened.damage.summary = str(opened.damage), summary
            opened.check()
        return summary

    def _pipeline(
        self,
        source: Source,
        clock: Clock,
        flow_pictures: Given,
        kept: Kept | None = None,
        edit: Edit | None = None,
    ) -> Pipeline:
        if self.config.every > 1 and any(path is not None for path in flow_pictures or ()):
            raise InputError(
                f"{source.name}: masks cannot be propagated along flow pictures: have the flow computed, or "
                "let the network see every frame"
            )
        motion = FlowInput(source, self.estimator, self.config, clock, flow_pictures)
        return Pipeline(source, motion, self.backend, self.config, clock, kept, edit)

    def _summary(self, outputs: Sequence[tuple[str | Path, str | None]], flow_pictures: Given) -> Summary:
        flow = {
            **({"estimator": NONE} if self.estimator is None else self.estimator.recipe),
            "direction": DIRECTION,
            "last_frame": LAST_FRAME,
            "size": self.config.flow_size,
            "floor": self.config.flow_floor,
            "pictures_given": sum(path is not None for path in flow_pictures or ()),
        }
        return Summary(
            device=self.backend.device,
            model=self.config.name,
            backend=self.backend.name,
            flow=flow,
            outputs=[str(path) for path, _ in outputs],
            settings=self.config.of_masks(),
        )


@overload
def segment(source: Input, **settings: "Unpack[Settings]") -> Generator[Mask, None, None]: ...
@overload
def segment(
    source: Input,
    output: str | Path,
    kind: str | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    **settings: "Unpack[Settings]",
) -> Summary: ...
def segment(
    source: Input,
    output: str | Path | None = None,
    kind: str | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    **settings: "Unpack[Settings]",
) -> Generator[Mask, None, None] | Summary:
    """Segment a video: an iterator of masks, or, with `output`, a file or folder of them.

    Args:
        source: as for `Segmenter.masks`.
        output: where to write; None to iterate.
        kind: what to write, see `dpa.video.write.kind_of`.
        overwrite, resume: see `Segmenter.write`.
        settings: of `SegmenterConfig`.

    Raises:
        DPAError: see `Segmenter`, and, when the iteration starts, `Segmenter.masks`; `Segmenter.write`.

    Example:
        >>> for mask in segment("in.mp4"):
        ...     show = mask.binary, mask.probability, mask.index, mask.time
        >>> segment("in.mp4", output="out.webm").frames
        3
    """
    if output is None and (kind is not None or overwrite or resume):
        raise InputError("kind, overwrite and resume are for files: give an output too")
    segmenter = Segmenter(**settings)
    if output is None:
        return segmenter.masks(source)
    return segmenter.write(source, [(output, kind)], overwrite=overwrite, resume=resume)
