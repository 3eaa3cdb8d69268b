"""Validation during training: J at the network's resolution, references by the paper's rule."""

from functools import cache

import numpy as np
import torch

from dpa.data.batches import read_image, read_mask
from dpa.data.layout import Sequence
from dpa.evaluate.measures import region_similarity
from dpa.flow.colour import flow_to_image
from dpa.flow.dis import DIS
from dpa.flow.stream import pair_flow
from dpa.model.dpa import DPA, References
from dpa.model.size import fit, working_size


@torch.inference_mode()
def validate(model: DPA, videos: list[Sequence], stride: int = 1, device: str = "cpu") -> dict[str, float]:
    """Mean J of every sequence.

    Args:
        model: in evaluation mode.
        videos: with masks; flow pictures are read where they are, and made by DIS where not.
        stride: every n-th frame counts.

    Returns:
        J in [0, 1] by sequence name.
    """
    return {video.name: _sequence(model, video, stride, device) for video in videos}


def _sequence(model: DPA, video: Sequence, stride: int, device: str) -> float:
    count, n = len(video.images), model.config.references
    references = None
    if model.config.ifa:
        places = [i * (count // n) for i in range(n)]
        references = References.join(
            [model.reference(model.encode(*_inputs(model, video, i, device))) for i in places]
        )
    scores = []
    # The protocol leaves out the first and the last frame; a video too short for that counts all the same.
    for i in range(min(1, count - 1), min(count, max(2, count - 1)), stride):
        path = video.masks[i]
        assert path is not None
        probability = model.segment(model.encode(*_inputs(model, video, i, device)), references)[-1].sigmoid()
        found = probability[0, 0].float().cpu().numpy() > 0.5
        truth = fit(read_mask(path), found.shape) > 127
        scores.append(region_similarity(found, truth))
    return float(np.mean(scores))


def _inputs(model: DPA, video: Sequence, i: int, device: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    image = read_image(video.images[i])
    size = working_size(image.shape[:2], model.config.size, model.config.keep_aspect)
    picture = _tensor(fit(image, size), device)
    if not model.config.motion:
        return picture, None
    stored = video.flows[i]
    if stored is not None:
        return picture, _tensor(fit(read_image(stored), size), device)
    neighbours = [read_image(video.images[j]) if 0 <= j < len(video.images) else None for j in (i + 1, i - 1)]
    flow = pair_flow(_dis(), image, neighbours[0], neighbours[1], size=512)
    return picture, _tensor(fit(flow_to_image(flow), size), device)


def _tensor(image: np.ndarray, device: str) -> torch.Tensor:
    return torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float() / 255


@cache
def _dis() -> DIS:
    return DIS()
