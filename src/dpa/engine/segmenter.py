"""The engine: frames -> flow -> network -> masks, streaming, with bounded memory."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np

from dpa.backends import Backend, open_backend
from dpa.device import pick_device
from dpa.engine.defaults import FLOW_SIZE, SMOOTH
from dpa.engine.flow import Drawn, FlowInput, Given
from dpa.engine.network import Network, Seen
from dpa.engine.propagation import keyed, propagated, smoothed
from dpa.engine.references import Inputs, prepare
from dpa.engine.results import Mask, Summary
from dpa.engine.threads import Clock, threaded
from dpa.errors import InputError, TruncatedError
from dpa.flow.estimator import FlowEstimator, choose, make_estimator
from dpa.flow.stream import DIRECTION, LAST_FRAME
from dpa.video.read import open_source
from dpa.video.source import Source
from dpa.video.write import Sink, check_apart, open_sink
from dpa.weights.registry import DEFAULT

_HELD = 16
"""Frames that wait at most for the network to see some of them at once."""


class Segmenter:
    """A network and a flow estimator, ready for any number of videos.

    Args:
        model: name of a network (`dpa models`).
        weights: a file or folder instead of the weights that go by that name.
        device: "auto", "cpu", "cuda", "cuda:INDEX" or "mps".
        flow: name of an estimator, see `dpa.flow.estimator.choose`.
        flow_size: longer side of the pictures that flow is computed from, pixels.
        flow_floor: least motion, in pixels of the frame, that is drawn in full colour; keeps the noise of
            near-static frames pale.
        references: reference frames of a video; None for the network's own number.
        size: working size, see `DPAConfig.size`; None for the network's own.
        keep_aspect: False squeezes every frame into a square (paper), True keeps its aspect ratio; None for
            the network's own choice.
        threshold: of the probability, for the binary mask.
        normalise: stretch every frame's probabilities to [0, 1] first, as the paper's release does; an
            object is then found in every frame, empty ones too.
        smooth: weight of the frames beside a frame, moved along the flow, in the mean with its own
            probability (`dpa.engine.propagation.smoothed`); 0 for none, as in the paper. Frames whose flow
            pictures are given are left alone.
        every: the network sees every n-th frame, the first and the last; the masks between are propagated
            along the flow (`dpa.engine.propagation`). Faster, less exact; masks come up to
            n * `Backend.batch` frames late.
        precision: of the network, see `dpa.backends.open_backend`.
        threads: of the network on a CPU; 0 for one per core.
        compiled: run the network through torch.compile, see `dpa.backends.open_backend`.
        backend: a network that is ready: what else is said of the network and its device is then not used.

    Raises:
        DPAError: see `open_backend`, `pick_device` and `make_estimator`.

    Example:
        >>> segmenter = Segmenter()                                # doctest: +SKIP
        >>> for mask in segmenter.masks("in.mp4"):                 # doctest: +SKIP
        ...     print(mask.index, mask.binary.mean())
    """

    def __init__(
        self,
        model: str = DEFAULT,
        *,
        weights: str | Path | None = None,
        device: str = "auto",
        flow: str = "auto",
        flow_size: int | None = FLOW_SIZE,
        flow_floor: float = 0.0,
        references: int | None = None,
        size: int | None = None,
        keep_aspect: bool | None = None,
        threshold: float = 0.5,
        normalise: bool = False,
        smooth: float = SMOOTH,
        every: int = 1,
        precision: str = "auto",
        threads: int = 0,
        compiled: bool = False,
        backend: Backend | None = None,
    ) -> None:
        if not 0 < threshold < 1:
            raise InputError(f"the threshold must lie between 0 and 1, not {threshold}")
        if references is not None and references < 1:
            raise InputError(f"at least one reference frame is needed, not {references}")
        if size is not None and size < 64:
            raise InputError(f"the working size must be at least 64 pixels, not {size}")
        if not 0 <= smooth < np.inf:
            raise InputError(f"the weight for smoothing must be 0 or more, not {smooth}")
        if every < 1:
            raise InputError(f"the network can see every frame (1) or every n-th, not every {every}")
        self.model = model if weights is None else str(weights)
        self.device = pick_device(device)
        self.backend = backend or open_backend(
            model, weights, self.device, threads, precision, compiled=compiled
        )
        self.flow_choice, self.flow_reason = choose(flow, self.device)
        self.estimator: FlowEstimator = make_estimator(self.flow_choice, self.device)
        self.flow_size, self.flow_floor = flow_size, flow_floor
        self.references = references or self.backend.config.references
        self.size = size or self.backend.config.size
        self.keep_aspect = self.backend.config.keep_aspect if keep_aspect is None else keep_aspect
        self.threshold, self.normalise = threshold, normalise
        self.smooth, self.every = smooth, every

    @property
    def engine(self) -> str:
        """What computes, in a few words."""
        backend = self.backend
        return f"{self.model} on {backend.device} ({backend.name}, {backend.precision})"

    def masks(
        self,
        source: str | Path | Sequence[str | Path] | Source,
        *,
        flow_pictures: Given = None,
    ) -> Generator[Mask, None, None]:
        """The masks of a video, one frame at a time and in order.

        Decoding, flow and the network run in threads of their own. Memory does not grow with the video's
        length. Closing the generator early ends the threads and closes the file.

        Args:
            source: whatever `dpa.video.read.open_source` opens, or a source that is open (and stays so;
                a live one is then used up).
            flow_pictures: one entry a frame: a flow picture that exists already, or None where flow is to be
                computed, as for all frames by default. Any size; it is resized to the network's input.

        Raises:
            InputError: the input cannot be used.
            TruncatedError: after the last mask, where frames of the video are missing.
        """
        with ExitStack() as stack:
            opened = source if isinstance(source, Source) else stack.enter_context(open_source(source))
            yield from self._run(opened, Clock(), 0, flow_pictures)

    def write(
        self,
        source: str | Path | Sequence[str | Path] | Source,
        outputs: Sequence[tuple[str | Path, str | None]],
        *,
        overwrite: bool = False,
        resume: bool = False,
        flow_pictures: Given = None,
        progress: Callable[[int, int | None], None] | None = None,
        raw_out: str | None = None,
    ) -> Summary:
        """Segment a video into files; several outputs cost one computation.

        Args:
            source: as for `masks`.
            outputs: (path, kind) each; the kind may be None, see `dpa.video.write.kind_of`.
            overwrite: replace what exists, when the new one is whole.
            resume: continue folders at their first missing frame.
            flow_pictures: as for `masks`.
            progress: called with the number of frames done and the number of all (None if not known).
            raw_out: pixels of bare frames on standard output, see `dpa.video.write.open_sink`.

        Raises:
            InputError, OutputError: before any work where possible; nothing half-written is left.
            TruncatedError: frames are missing; what could be decoded has been written.
        """
        check_apart([path for path, _ in outputs])
        clock, summary = Clock(), self._summary(outputs, flow_pictures)
        sinks: list[Sink] = []
        try:
            with ExitStack() as stack, clock.time("total"):
                opened = source if isinstance(source, Source) else stack.enter_context(open_source(source))
                summary.source = str(opened.path or opened.name)
                how: Any = {
                    "overwrite": overwrite,
                    "resume": resume,
                    "flow_floor": self.flow_floor,
                    "raw_out": raw_out,
                }
                for path, kind in outputs:
                    sinks.append(stack.enter_context(open_sink(path, kind, opened, **how)))
                told = progress or (lambda done, count: None)
                self._fill(sinks, opened, clock, summary, told, flow_pictures)
                summary.warnings += opened.warnings
        except TruncatedError as error:
            summary.problem, error.summary = str(error), summary
            raise
        finally:
            summary.warnings += [sentence for sink in sinks for sentence in sink.warnings]
            summary.seconds = {stage: round(seconds, 3) for stage, seconds in clock.seconds.items()}
        return summary

    def _fill(
        self,
        sinks: list[Sink],
        source: Source,
        clock: Clock,
        summary: Summary,
        progress: Callable[[int, int | None], None],
        flow_pictures: Given,
    ) -> None:
        start = min((sink.start for sink in sinks), default=0)
        progress(start, source.count)
        if source.count is not None and start >= source.count:
            # Nothing is left to do; reading on from the end still says so where frames are missing.
            deque(source.frames(start), maxlen=0)
            return
        with closing(self._run(source, clock, start, flow_pictures)) as masks:
            for mask in masks:
                with clock.time("write"):
                    for sink in sinks:
                        sink.write(mask.frame, mask.probability, mask.binary, mask.flow)
                summary.frames += 1
                progress(mask.index + 1, source.count)

    def _run(
        self, source: Source, clock: Clock, start: int, flow_pictures: Given
    ) -> Generator[Mask, None, None]:
        if self.every > 1 and any(path is not None for path in flow_pictures or ()):
            raise InputError(
                f"{source.name}: masks cannot be propagated along flow pictures: have the flow computed, or "
                "let the network see every frame"
            )
        motion = FlowInput(source, self.estimator, self.flow_size, self.flow_floor, clock, flow_pictures)
        # Resumed masks are those of an unbroken run: the network sees the frames that it would have seen, and
        # the frame before `start` has a mask that it is smoothed with.
        key = max(0, start - 1) if self.smooth else start
        key -= key % self.every
        # The frame before is decoded too: the last frame's flow may need it.
        first = max(0, key - 1)
        decoded = threaded(clock.each("decode", source.frames(first)), name="decode", wake=source.stop)
        drawn = threaded(motion.stream(decoded, key), name="flow", wake=source.stop)
        seen = threaded(self._seen(source, motion, drawn, clock), name="network", wake=source.stop)
        # A thread of its own: while masks are finished, the network sees the next frames.
        finished = threaded(self._finished(seen, clock), name="masks", wake=source.stop)
        with closing(finished):
            yield from (mask for mask in finished if mask.index >= start)

    def _seen(
        self, source: Source, motion: FlowInput, drawn: Generator[Drawn, None, None], clock: Clock
    ) -> Generator[Seen, None, None]:
        network = Network(self.backend, self.size, self.keep_aspect)

        def look(index: int, image: np.ndarray, *others: np.ndarray | None) -> Inputs:
            return network.inputs(image, motion.picture(index, image, *others))

        with closing(drawn):
            with clock.time("references"):
                references = prepare(source, self.backend, self.references, look, network.remember)
            # A live mask waits for no later frame than it must; of others, few are held at once.
            together = 1 if source.live else max(1, min(self.backend.batch, _HELD // self.every))
            yield from network.probabilities(keyed(drawn, self.every), together, references, clock)

    def _finished(self, seen: Generator[Seen, None, None], clock: Clock) -> Generator[Mask, None, None]:
        with closing(seen):
            known: Any = propagated(seen) if self.every > 1 else seen  # type: ignore[arg-type]
            for frame, flow, small in smoothed(known, self.smooth) if self.smooth else known:
                with clock.time("masks"):
                    probability = self._full(small, frame.image.shape[:2])
                    binary = probability > self.threshold
                yield Mask(binary, probability, frame, flow)

    def _full(self, probability: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """To the frame's resolution: (h, w) -> (H, W) float32 in [0, 1]."""
        if self.normalise:
            low, high = float(probability.min()), float(probability.max())
            probability = (probability - low) / max(high - low, 1e-6)
        return cv2.resize(probability, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)

    def _summary(self, outputs: Sequence[tuple[str | Path, str | None]], flow_pictures: Given) -> Summary:
        flow = {
            **self.estimator.recipe,
            "direction": DIRECTION,
            "last_frame": LAST_FRAME,
            "size": self.flow_size,
            "floor": self.flow_floor,
            "pictures_given": sum(path is not None for path in flow_pictures or ()),
        }
        settings = {
            "references": self.references,
            "size": self.size,
            "keep_aspect": self.keep_aspect,
            "threshold": self.threshold,
            "normalise": self.normalise,
            "smooth": self.smooth,
            "every": self.every,
            "precision": self.backend.precision,
        }
        return Summary(
            device=self.backend.device,
            model=self.model,
            backend=self.backend.name,
            flow=flow,
            outputs=[str(path) for path, _ in outputs],
            settings=settings,
        )


@overload
def segment(
    source: str | Path | Sequence[str | Path] | Source, **options: Any
) -> Generator[Mask, None, None]: ...
@overload
def segment(
    source: str | Path | Sequence[str | Path] | Source,
    output: str | Path,
    kind: str | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    **options: Any,
) -> Summary: ...
def segment(
    source: str | Path | Sequence[str | Path] | Source,
    output: str | Path | None = None,
    kind: str | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    **options: Any,
) -> Generator[Mask, None, None] | Summary:
    """Segment a video: an iterator of masks, or, with `output`, a file or folder of them.

    Args:
        source: as for `Segmenter.masks`.
        output: where to write; None to iterate.
        kind: what to write, see `dpa.video.write.kind_of`.
        overwrite, resume: see `Segmenter.write`.
        options: of `Segmenter`.

    Raises:
        DPAError: see `Segmenter`, and, when the iteration starts, `Segmenter.masks`; `Segmenter.write`.

    Example:
        >>> for mask in dpa.segment("in.mp4"):                     # doctest: +SKIP
        ...     mask.binary, mask.probability, mask.index, mask.time
        >>> dpa.segment("in.mp4", output="out.webm")               # doctest: +SKIP
    """
    if output is None and (kind is not None or overwrite or resume):
        raise InputError("kind, overwrite and resume are for files: give an output too")
    segmenter = Segmenter(**options)
    if output is None:
        return segmenter.masks(source)
    return segmenter.write(source, [(output, kind)], overwrite=overwrite, resume=resume)
