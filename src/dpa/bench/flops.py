"""Floating-point operations of the network, counted by torch from shapes.

Counted are convolutions, linear layers and matrix products, a multiplication and an addition as two; what is
done per element is not.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from dpa.bench.network import isolate
from dpa.bench.settings import PARTS
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
    for part, copied in alone.items():
        found[part] = count(isolate(copied, part, size))
    return found
