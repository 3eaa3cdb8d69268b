"""The network in torch, in parts: what each costs alone, and its floating-point operations."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from dpa.bench.settings import BenchSettings
from dpa.errors import InputError
from dpa.model.dpa import DPA, Features, References
from dpa.model.encoder import Encoder
from dpa.weights.registry import find


def build(settings: BenchSettings) -> tuple[DPA, str]:
    """The network, and where its weights are from.

    Where a model has none on this machine they are random: its speed does not depend on them.

    Raises:
        InputError: weights that are an ONNX graph.
        WeightsError: unknown model, or weights that cannot be read.
    """
    if settings.weights is not None and str(settings.weights).endswith(".onnx"):
        raise InputError(
            f"{settings.weights}: an ONNX graph has no parts and no precision: give .safetensors"
        )
    if settings.weights is None and find(settings.model).path is None:
        model = DPA(settings.model).eval()
        randomise(model)
        return model, "random"
    return DPA.from_pretrained(settings.name), settings.name


@torch.no_grad()
def randomise(model: DPA) -> None:
    """Seeded weights that keep the variance of their input (He et al. 2015).

    With the paper's initialisation (std 0.01) most of the network is silent: agreement would prove nothing.
    """
    torch.manual_seed(0)
    for name, p in model.named_parameters():
        if p.dim() > 1:
            nn.init.normal_(p, std=(2 / p[0].numel()) ** 0.5)
        elif name.endswith("bias"):
            nn.init.normal_(p, std=0.1)


class _Ready(nn.Module):
    """Stands for a part that is not measured: gives at once what that part would."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self._result = result

    def forward(self, *_: Any) -> Any:
        return self._result


def isolate(
    model: DPA, part: str, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> Callable[[], object]:
    """One part's work for one frame, on made-up inputs; the model is of no other use afterwards.

    A frame is what the engine does for one whose references are known: `encode` and `segment`.

    Args:
        part: one of `PARTS`. "attention" is IMA and IFA with their squeezing and joining, "decoder" has the
            resizing of the predictions.
        size: (H, W), multiples of 32.
        dtype: of the features.
    """
    device, c = model.mean.device, model.config
    image = _random(3, size, device)
    flow = _random(3, size, device) if c.motion else None
    if part == "encoders":
        return lambda: _encode(model, image, flow)
    features, f5 = _made_up(model, size, dtype)
    for encoder, f in zip(model.encoders, f5, strict=True):
        cast(Encoder, encoder).stages[-1] = _Ready(f)
    if part == "attention":
        model.decoder = _Ready([_random(1, size, device, dtype)])  # type: ignore[assignment]
        kept = torch.rand(1, len(f5), c.references * c.dim, c.dim, device=device)
        return lambda: model.segment(features, References(kept, kept) if c.ifa else None)
    model.ima4 = model.ima5 = model.ifa = model.join5 = None
    return lambda: model.segment(features)


def _encode(model: DPA, image: Tensor, flow: Tensor | None) -> None:
    streams = model.encode(image, flow).streams
    for encoder, stages in zip(model.encoders, streams, strict=True):
        cast(Encoder, encoder).deep(stages[-1])


def _made_up(model: DPA, size: tuple[int, int], dtype: torch.dtype) -> tuple[Features, list[Tensor]]:
    """Stages 1 to 4, and stage 5 of every stream."""
    streams = []
    for encoder in model.encoders:
        shapes = zip(cast(Encoder, encoder).channels, cast(Encoder, encoder).strides, strict=True)
        streams.append(
            [_random(c, (size[0] // s, size[1] // s), model.mean.device, dtype) for c, s in shapes]
        )
    shallow = [stages[:-1] for stages in streams]
    return Features(shallow[0], shallow[1] if len(shallow) > 1 else [], size), [s[-1] for s in streams]


def _random(
    channels: int, size: tuple[int, int], device: torch.device, dtype: torch.dtype = torch.float32
) -> Tensor:
    """(1, C, h, w), laid out in memory as the engine's are."""
    made = torch.rand(1, channels, *size, device=device)
    return made.to(dtype=dtype, memory_format=torch.channels_last)
