"""What a process of its own measures: one function a stage, settings in and figures out."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dpa.backends import Backend, Memory, open_backend
from dpa.bench.clip import Pictures, opened, pictures
from dpa.bench.machine import describe, multiply_rate
from dpa.bench.measure import Measured, finish, measure
from dpa.bench.settings import BenchSettings
from dpa.device import cores
from dpa.engine.config import DINOV2, OFF
from dpa.engine.frame_data import FrameData
from dpa.engine.propagation import propagated, smoothed
from dpa.errors import InputError, MissingExtra
from dpa.flow.colour import flow_to_image
from dpa.flow.estimator import make_estimator
from dpa.flow.stream import flows
from dpa.model.appearance import appearance
from dpa.video.segmented import Segmented
from dpa.video.write import open_sink
from dpa.weights.registry import find

_FLOW_FRAMES = 4


def machine(settings: BenchSettings) -> Measured:
    """The machine; measures nothing."""
    return Measured(facts=describe(settings.device))


def rate(settings: BenchSettings, library: str = "numpy") -> Measured:
    """Of matrix products; see `multiply_rate`."""
    return Measured(facts=multiply_rate(settings, library))


def decode(settings: BenchSettings) -> Measured:
    """Frames from the file to RGB."""
    with opened(settings) as head:

        def work() -> int:
            return sum(1 for _ in head.frames())

        return measure(work, settings, frame_size=list(head.size))


def flow(settings: BenchSettings) -> Measured:
    """Reduction, estimation and drawing, frame after frame."""
    estimator = make_estimator(settings.flow, settings.device)
    with opened(settings) as head:
        frames = list(islice(head.frames(), _FLOW_FRAMES))

    def work() -> int:
        for _, field in flows(frames, estimator, settings.flow_size):
            flow_to_image(field)
        return len(frames)

    raft = settings.flow.startswith("raft")
    measured = measure(work, settings, settings.device if raft else "cpu", recipe=estimator.recipe)
    if raft:
        from dpa.bench.flops import count

        measured.flops = count(work) / len(frames)
    return measured


def network(settings: BenchSettings) -> Measured:
    """The whole network from pictures to probabilities, references known; as many frames at once as usual."""
    backend, weights, inputs, kept = _network(settings)
    inside = backend.config.dinov2
    images, flows = (np.stack([picture] * backend.batch) for picture in inputs)
    features = backend.has_features and settings.target != OFF

    carried = inside and settings.dinov2_every > 1  # a repeat goes from one look of DINOv2 to the next
    beside = settings.target == DINOV2 and not inside
    look = appearance(settings.threads or cores()) if carried or beside else None
    calls = math.ceil(settings.dinov2_every / backend.batch) if carried else 1

    def work() -> int:
        looked = [look(image) for image in (images[:1] if carried else images)] if look is not None else []
        dinov2 = looked * backend.batch if carried else None
        for _ in range(calls):
            backend(images, flows, kept, features=features, dinov2=dinov2)
        return calls * backend.batch

    config = backend.config
    facts = {
        "backend": backend.name,
        "precision": backend.precision,
        "batch": backend.batch,
        "weights": weights,
        "input_size": list(inputs[0].shape[:2]),
        "references": settings.references or config.references,
        "config": config.to_dict(),
    }
    return measure(work, settings, settings.device, **facts)


def graph(settings: BenchSettings) -> Measured:
    """The network's parts inside ONNX Runtime: seconds by part in `facts`."""
    from dpa.bench.graph import profile_parts

    backend, weights, inputs, kept = _network(settings)
    with tempfile.TemporaryDirectory() as folder:
        parts = profile_parts(Path(weights), inputs, kept, settings, Path(folder))
    # Frames are computed side by side, each by one thread: what one costs of the machine's time.
    side_by_side = {name: [s / backend.batch for s in seconds] for name, seconds in parts.items()}
    return Measured(facts={"parts": side_by_side})


def part(settings: BenchSettings, name: str) -> Measured:
    """One part of the network in torch, alone."""
    import torch

    from dpa.backends.torch import DTYPES, autocast
    from dpa.bench.network import build, isolate

    if settings.threads:
        torch.set_num_threads(settings.threads)
    model, _ = build(settings)
    ((image, _),) = pictures(settings, model.config, [0])
    model = model.to(settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    alone = isolate(model, name, (image.shape[0], image.shape[1]), DTYPES[settings.in_precision])

    def work() -> int:
        with torch.inference_mode(), autocast(settings.device, settings.in_precision):
            alone()
        finish(settings.device)
        return 1

    return measure(work, settings, settings.device)


def smooth(settings: BenchSettings, size: list[int]) -> Measured:
    """Masks moved along the flow: propagated to frames that the network has not seen, and smoothed."""
    with opened(settings) as head:
        frames = list(islice(head.frames(), max(_FLOW_FRAMES, 2 * settings.every + 1)))
    probability, last = _disc((size[0], size[1])), len(frames) - 1
    moving = enumerate(flows(frames, make_estimator("dis"), settings.flow_size))
    found = [
        FrameData(
            frame,
            frame.image,
            field,
            probability=probability if index % settings.every == 0 or index == last else None,
        )
        for index, (frame, field) in moving
    ]

    def work() -> int:
        return sum(1 for _ in smoothed(propagated(found), settings.smooth))

    return measure(work, settings)


def write(settings: BenchSettings) -> Measured:
    """Masks to a folder of PNG pictures."""
    with opened(settings) as head, tempfile.TemporaryDirectory() as folder:
        frame = next(iter(head.frames()))
        probability = _disc(head.size)
        mask = probability > 0.5

        def work() -> int:
            with open_sink(Path(folder) / "masks", "mask", head, overwrite=True) as sink:
                for index in range(head.count):
                    sink.write(Segmented(replace(frame, index=index), probability, mask))
            return head.count

        return measure(work, settings)


def whole(settings: BenchSettings) -> Measured:
    """From the file to the folder of masks, as `dpa segment` does it: stages overlap."""
    from dpa.engine.segmenter import Segmenter

    backend, _ = _open(settings)
    segmenter = Segmenter(settings, backend=backend)
    with opened(settings) as head, tempfile.TemporaryDirectory() as folder:

        def work() -> int:
            return segmenter.write(head, [(Path(folder) / "masks", "mask")], overwrite=True).frames

        return measure(work, settings, settings.device, frames=head.count)


def flops(settings: BenchSettings, config: dict[str, Any], size: list[int], references: int) -> Measured:
    """Floating-point operations of the network by part, see `dpa.bench.flops`, and of a target beside it."""
    from dpa.bench.flops import count_dinov2, count_network
    from dpa.model.config import DPAConfig
    from dpa.model.dpa import DPA

    model = DPA(DPAConfig.from_dict(config))
    found = count_network(model, (size[0], size[1]), references)
    inside = model.config.dinov2
    if inside or settings.target == DINOV2:
        looked = count_dinov2((size[0], size[1]))
        found["cached"] += looked // settings.dinov2_every - looked if inside else looked
    return Measured(facts={"flops": found})


def way(settings: BenchSettings, name: str, folder: str) -> Measured:
    """The paper's way or the cached way, see `dpa.bench.ways`."""
    from dpa.bench.ways import measure_way

    return measure_way(settings, name, Path(folder))


STAGES: dict[str, Callable[..., Measured]] = {
    function.__name__: function
    for function in (machine, rate, decode, flow, network, graph, part, smooth, write, whole, flops, way)
}


def _open(settings: BenchSettings) -> tuple[Backend, str]:
    """The network as `dpa segment` runs it, or at another precision, and where its weights are from.

    Torch is imported only where it computes: its memory would count.
    """
    if settings.weights is not None or find(settings.model).path is not None:
        of = (settings.model, settings.weights, settings.device, settings.threads, settings.precision)
        backend = open_backend(*of, compiled=settings.compiled)
        return backend, backend.weights
    if settings.precision == "int8":
        raise InputError(
            f"no weights of {settings.model} are here, so no graph in int8: choose another precision"
        )
    if find_spec("torch") is None:
        raise MissingExtra("a model without weights")
    from dpa.backends.torch import TorchBackend
    from dpa.bench.network import build

    model, weights = build(settings)
    how = weights, settings.in_precision, settings.compiled
    return TorchBackend(model, settings.device, settings.threads, *how), weights


def _network(settings: BenchSettings) -> tuple[Backend, str, Pictures, Memory]:
    """The backend, where its weights are from, a frame's inputs and the references' prototypes."""
    backend, weights = _open(settings)
    (inputs,) = pictures(settings, backend.config, [0])
    image, flow = (picture[None] for picture in inputs)
    own = backend(image, flow, Memory.blank(backend.config), remember=True).own or [
        Memory.blank(backend.config)
    ]
    count = settings.references or backend.config.references
    return backend, weights, inputs, Memory.join(own * count)


def _disc(size: tuple[int, int]) -> np.ndarray:
    """(H, W) float32: a soft disc, which packs as the mask of an object does."""
    y, x = np.ogrid[: size[0], : size[1]]
    away = np.hypot(y - size[0] / 2, x - size[1] / 2) - min(size) / 4
    return (1 / (1 + np.exp(np.clip(away, -40, 40)))).astype(np.float32)
