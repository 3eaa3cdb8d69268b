"""Floating-point operations of the network, counted by torch from shapes.

Counted are convolutions, linear layers and matrix products, a multiplication and an addition as two; what is
done per element is not.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import timm
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dpa.bench.network import isolate
from dpa.bench.settings import PARTS
from dpa.model.appearance import grid
from dpa.model.dpa import DPA, References


def count(work: Callable[[], object]) -> int:
    """The operations of some work in torch."""
    # The plain kernel of attention is counted by every version of torch.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def count_network(model: DPA, size: tuple[int, int], references: int) -> dict[str, int]:
    """Operations by part and for the whole of a frame, without computing anything.

    Args:
        model: on any device; it stays as it is.
        size: (H, W) of the input, multiples of 32.
        references: N.

    Returns:
        By `PARTS`; "cached" is a frame as the engine runs it, with kept references, "reference" what a
        reference frame costs more, once a video; "paper" is a frame with all references encoded again.
        Where the network looks at DINOv2, its operations are in these three.
    """
    model = deepcopy(model).eval().to("meta")  # tensors there have shapes and no values
    model.config = c = model.config.changed({"references": references})
    alone = {part: deepcopy(model) for part in PARTS}
    found = {}
    with torch.device("meta"):
        frames, image = torch.rand(1, references, 3, *size), torch.rand(1, 3, *size)
        kept = torch.rand(1, len(model.encoders), references * c.dim, c.dim)
    flow, flows = (image, frames) if c.motion else (None, None)
    given = References(kept, kept) if c.ifa else None
    found["cached"] = count(lambda: model.segment(model.encode(image, flow), given))
    found["reference"] = count(lambda: model.reference(model.encode(image, flow))) if c.ifa else 0
    found["paper"] = count(lambda: model(image, flow, frames, flows))
    if c.dinov2:
        frames_seen = {"cached": 1, "reference": int(c.ifa), "paper": 1 + references * c.ifa}
        for way, times in frames_seen.items():
            found[way] += times * count_dinov2(size)
    for part, copied in alone.items():
        found[part] = count(isolate(copied, part, size))
    return found


def count_dinov2(size: tuple[int, int]) -> int:
    """Operations of DINOv2's features of a frame, (H, W) at the network's input."""
    shown = grid(*size)
    with torch.device("meta"):
        vit: Any = timm.create_model("vit_small_patch14_dinov2", img_size=shown).eval()
        image = torch.rand(1, 3, *shown)
    return count(lambda: vit.forward_features(image))
