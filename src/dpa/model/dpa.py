"""The network: Dual Prototype Attention for unsupervised video object segmentation (CVPR 2024)."""

from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpa.errors import InputError
from dpa.model.appearance import PATCH, WIDTH, appearance, grid
from dpa.model.config import DPAConfig, named_config
from dpa.model.decoder import Decoder, resize
from dpa.model.encoder import Encoder, build_encoder, evaluating
from dpa.model.ifa import IFA
from dpa.model.ima import IMA, EdgeConv
from dpa.model.precision import full_precision
from dpa.model.pretrained import load, save
from dpa.model.size import MULTIPLE


class Features(NamedTuple):
    """What `encode` gives of a frame.

    Attributes:
        appearance: [f1, .., f4] of the picture, each (B, C, h, w).
        motion: the same of the flow picture; empty without a motion stream.
        size: H and W of the input, before padding.
        dinov2: what DINOv2 gives of the picture, (B, 384, h, w); None in a network that does not look at it.
    """

    appearance: list[Tensor]
    motion: list[Tensor]
    size: tuple[int, int]
    dinov2: Tensor | None = None

    @property
    def streams(self) -> list[list[Tensor]]:
        """The streams there are, appearance first."""
        return [self.appearance, self.motion] if self.motion else [self.appearance]


class References(NamedTuple):
    """Prototypes of reference frames; a few hundred KiB, whatever the resolution.

    Attributes:
        key, value: (B, streams, N * D, D).
    """

    key: Tensor
    value: Tensor

    @classmethod
    def join(cls, parts: "list[References]") -> "References":
        """The references of several frames as one set."""
        return cls(torch.cat([p.key for p in parts], dim=2), torch.cat([p.value for p in parts], dim=2))


class DPA(nn.Module):
    """Two encoders, IMA on stages 4 and 5, IFA on stage 5, and the decoder.

    Inputs are pictures in [0, 1]; normalisation and padding to a multiple of 32 happen inside.

    Example:
        >>> model = DPA(named_config("dpa-mobile")).eval()
        >>> image, flow = torch.rand(2, 1, 3, 96, 128)
        >>> references = model.reference(model.encode(image, flow))
        >>> model.segment(model.encode(image, flow), references)[-1].shape
        torch.Size([1, 1, 96, 128])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, config: DPAConfig | str = "dpa-vgg16", *, pretrained: bool = False, **changes: Any
    ) -> None:
        """Build the network.

        Args:
            config: settings, or the name of a model.
            pretrained: start the encoders from timm's ImageNet weights.
            changes: settings that differ from `config`'s.

        Raises:
            InputError: unknown model, encoder or setting.
            WeightsError: timm's weights cannot be had.
        """
        super().__init__()
        self.config = c = (named_config(config) if isinstance(config, str) else config).changed(changes)
        streams = 2 if c.motion else 1
        encoders = [build_encoder(c.encoder, folded=c.folded, pretrained=pretrained) for _ in range(streams)]
        self.encoders = nn.ModuleList(encoders)
        channels = encoders[0].channels
        c4, c5 = channels[-2:]
        self.squeeze4 = nn.ModuleList(nn.Conv2d(c4, c.dim, 1) for _ in range(streams if c.ima else 0))
        self.squeeze5 = nn.ModuleList(
            nn.Conv2d(c5, c.dim, 1) for _ in range(streams if c.ima or c.ifa else 0)
        )
        self.ima4, self.ima5 = (
            IMA(width, c.dim, c.neighbours, streams, raw_residual=c.raw_residual) if c.ima else None
            for width in (c4, c5)
        )
        own_value = c.ifa_value == "value"
        ifa = (IFA(c5, c.dim, own_value=own_value) for _ in range(streams))
        self.ifa = nn.ModuleList(ifa) if c.ifa else None
        both = c.ima and c.ifa
        self.join5 = nn.ModuleList(nn.Conv2d(2 * c5, c5, 1) for _ in range(streams)) if both else None
        self.adapter = _adapter(c4) if c.dinov2 else None
        self.decoder = Decoder(channels, streams, c.width, c.refine_squeeze, c.refine_width)
        self.register_buffer("mean", _by_channel(c.mean), persistent=False)
        self.register_buffer("std", _by_channel(c.std), persistent=False)
        self._initialise()

    # -- the steps -----------------------------------------------------------------------------------

    def encode(self, image: Tensor, flow: Tensor | None = None, dinov2: Tensor | None = None) -> Features:
        """Stages 1 to 4 of both encoders.

        Args:
            image: (B, 3, H, W) in [0, 1], RGB.
            flow: (B, 3, H, W) in [0, 1], the flow drawn as a picture; None without a motion stream.
            dinov2: (B, 384, h, w), DINOv2's features of the picture, of which any size will do; None to have
                them computed, on the CPU, where the network looks at them.

        Raises:
            InputError: a flow that is missing, not wanted, or of another size; pictures one pixel wide, or
                of another shape.
        """
        if image.dim() != 4 or image.shape[1] != 3:
            raise InputError(f"the picture's shape is {tuple(image.shape)}: it must be (B, 3, H, W)")
        if (flow is not None) != self.config.motion:
            raise InputError(
                "the network has a motion stream: give `flow`"
                if self.config.motion
                else "the network has no motion stream: leave `flow` out"
            )
        if flow is not None and flow.shape != image.shape:
            raise InputError(f"image {tuple(image.shape)} and flow {tuple(flow.shape)} differ in shape")
        h, w = image.shape[-2:]
        if min(h, w) < 2:
            raise InputError(f"a picture of {w} x {h} pixels is too small: at least 2 x 2")
        stages = self._stages(0).shallow(self._pad((image - self.mean) / self.std))
        if self.adapter is not None:
            dinov2 = _features(self._pad(image)) if dinov2 is None else dinov2
            stages[-1] = stages[-1] + self._adapted(dinov2, stages[-1])
        motion = []
        if flow is not None:
            flow = (flow - self.mean) / self.std if self.config.normalise_flow else flow
            motion = self._stages(1).shallow(self._pad(flow))
        return Features(stages, motion, (h, w), dinov2)

    def reference(self, features: Features) -> References:
        """Prototypes of frames, one reference each: K and V of the plain stage 5 (no IMA; no gradient to it).

        They depend neither on the query frame nor on the resolution: compute them once a video.

        Raises:
            InputError: the network has no IFA.
        """
        if self.ifa is None:
            raise InputError("the network was built without IFA: it uses no references")
        pairs = []
        for s, (ifa, stages) in enumerate(zip(self.ifa, features.streams, strict=True)):
            # By the running statistics in training too. Those are the queries', whose f4 IMA has changed: a
            # second kind of input must not be mixed into them, and in use there is one set for both.
            with torch.no_grad(), evaluating(self._stages(s).stages[-1]):
                f5 = self._stages(s).deep(stages[-1])
            pairs.append(cast(IFA, ifa).memory(f5))
        return References(
            torch.stack([k for k, _ in pairs], dim=1), torch.stack([v for _, v in pairs], dim=1)
        )

    def segment(self, features: Features, references: References | None = None) -> list[Tensor]:
        """Segment query frames.

        Args:
            features: of the query frames, B of them.
            references: B sets, or one set for all; None without IFA.

        Returns:
            Probabilities (B, 1, H, W) in float32, coarse to fine, all resized to the input; the last one is
            the result.
        """
        f4 = [stages[-1] for stages in features.streams]
        if self.ima4 is not None:
            f4 = self.ima4(f4, [squeeze(f) for squeeze, f in zip(self.squeeze4, f4, strict=True)])
        f5 = [self._stages(s).deep(f) for s, f in enumerate(f4)]
        f5 = self._attend(f5, references)
        predictions = self.decoder(features.appearance[:-1], f4, f5)
        h, w = features.size
        padded = (_ceil(h), _ceil(w))
        with full_precision(predictions[0].device.type):
            return [resize(p, padded)[..., :h, :w] for p in predictions]

    def forward(
        self,
        image: Tensor,
        flow: Tensor | None,
        reference_images: Tensor,
        reference_flows: Tensor | None,
        dinov2: Tensor | None = None,
        reference_dinov2: Tensor | None = None,
    ) -> list[Tensor]:
        """The whole pass, references encoded with it (training, and the paper's own way).

        Args:
            image, flow: (B, 3, H, W).
            reference_images, reference_flows: (B, N, 3, H, W); ignored without IFA.
            dinov2, reference_dinov2: (B, 384, h, w) and (B, N, 384, h, w), as for `encode`.

        Returns:
            As `segment`.
        """
        if not self.config.ifa:
            return self.segment(self.encode(image, flow, dinov2))
        with torch.no_grad():
            given = (reference_flows, reference_dinov2)
            flows, shown = (None if x is None else x.flatten(0, 1) for x in given)
            encoded = self.encode(reference_images.flatten(0, 1), flows, shown)
        references = self.reference(encoded)
        return self.segment(self.encode(image, flow, dinov2), share(references, *reference_images.shape[:2]))

    # -- weights -------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(cls, source: str | Path) -> "DPA":
        """A network with weights, by name, folder, file or hub id; see `dpa.model.pretrained.load`."""
        return load(source, cls)

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Write `config.json` and `model.safetensors`; see `dpa.model.pretrained.save`."""
        save(self, self.config, Path(folder), half=half)

    # -- inside --------------------------------------------------------------------------------------

    def _stages(self, stream: int) -> Encoder:
        return cast(Encoder, self.encoders[stream])

    def _adapted(self, dinov2: Tensor, f4: Tensor) -> Tensor:
        """DINOv2's features as a change of f4: (B, 384, y, x) -> (B, C, h, w)."""
        size = (f4.shape[-2], f4.shape[-1])
        at = F.interpolate(dinov2, size=size, mode="bilinear", align_corners=False)
        change: Tensor = cast(nn.Module, self.adapter)(at)
        return change

    def _attend(self, f5: list[Tensor], references: References | None) -> list[Tensor]:
        """IMA and IFA on stage 5, joined: per stream (B, C, h, w) -> (B, C, h, w)."""
        if self.ima5 is None and self.ifa is None:
            return f5
        x = [squeeze(f) for squeeze, f in zip(self.squeeze5, f5, strict=True)]
        from_ima = self.ima5(f5, x) if self.ima5 is not None else None
        if self.ifa is None:
            assert from_ima is not None
            return from_ima
        if references is None:
            raise InputError("the network has IFA: give `references`")
        key, value = (t.expand(f5[0].shape[0], -1, -1, -1) for t in references)
        from_ifa = [
            ifa(f, s, key[:, i], value[:, i])
            for i, (ifa, f, s) in enumerate(zip(self.ifa, f5, x, strict=True))
        ]
        if from_ima is None or self.join5 is None:
            return from_ifa
        return [
            join(torch.cat(pair, dim=1)) for join, *pair in zip(self.join5, from_ima, from_ifa, strict=True)
        ]

    @staticmethod
    def _pad(x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        return F.pad(x, (0, _ceil(w) - w, 0, _ceil(h) - h), mode="replicate")

    @torch.no_grad()
    def _initialise(self) -> None:
        """Outside the encoders and the adapter: convolutions normal, std 0.01, zero bias (paper); else as
        PyTorch does.
        """
        for name, module in self.named_modules():
            if name.startswith(("encoders.", "adapter.")):
                continue
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, EdgeConv):
                nn.init.normal_(module.weight, std=0.01)


def _adapter(channels: int) -> nn.Sequential:
    """It begins with 0: a network that is trained on begins as what it was."""
    last = nn.Conv2d(WIDTH // 2, channels, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(cast(Tensor, last.bias))
    return nn.Sequential(nn.Conv2d(WIDTH, WIDTH // 2, 1), nn.ReLU(), last)


@torch.compiler.disable
def _features(images: Tensor) -> Tensor:
    """DINOv2's features of pictures in [0, 1]: (B, 3, H, W) -> (B, 384, h, w)."""
    if images.is_meta:  # where operations are counted and nothing is computed
        tall, wide = grid(images.shape[-2], images.shape[-1])
        return images.new_empty(len(images), WIDTH, tall // PATCH, wide // PATCH)
    pictures = (255 * images.detach()).round().to("cpu", torch.uint8).permute(0, 2, 3, 1)
    look = appearance(torch.get_num_threads())
    found = np.stack([look(picture) for picture in pictures.numpy()])
    return torch.from_numpy(found).to(images.device)


def share(references: References, batch: int, n: int) -> References:
    """(batch * n, streams, D, D), one reference a row, -> (batch, streams, n * D, D)."""

    def regroup(t: Tensor) -> Tensor:
        return t.unflatten(0, (batch, n)).transpose(1, 2).flatten(2, 3)

    return References(regroup(references.key), regroup(references.value))


def _by_channel(values: tuple[float, ...]) -> Tensor:
    """(1, 3, 1, 1), or (1, 1, 1, 1) of equal ones: cheaper in any memory layout."""
    return torch.tensor(values if len(set(values)) > 1 else values[:1]).view(1, -1, 1, 1)


def _ceil(n: int) -> int:
    return -(-n // MULTIPLE) * MULTIPLE
