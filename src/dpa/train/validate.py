"""Validation during training: J at the network's resolution, references by the paper's rule."""

from functools import cache

import numpy as np
import torch

from dpa.datasets.layout import Sequence
from dpa.evaluate.measures import region_similarity
from dpa.flow.colour import flow_to_image
from dpa.flow.dis import DIS
from dpa.flow.stream import pair_flow
from dpa.model.dpa import DPA, References
from dpa.model.size import fit, working_size
from dpa.train.data.read import read_image, read_mask


@torch.inference_mode()
def validate(
    model: DPA, videos: list[Sequence], stride: int = 1, device: str | torch.device = "cpu"
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Mean J of every sequence, and what it looks like.

    Args:
        model: in evaluation mode.
        videos: with masks; flow pictures are read where they are, and made by DIS where not.
        stride: every n-th frame counts.
        device: the model's.

    Returns:
        J in [0, 1] by sequence name, and by the same names a picture, (H, 4 W, 3) uint8, of the middle one of
        the counted frames: frame, flow (grey without a motion stream), prediction, ground truth.
    """
    found = {video.name: _sequence(model, video, stride, device) for video in videos}
    return {name: score for name, (score, _) in found.items()}, {name: p for name, (_, p) in found.items()}


def _sequence(
    model: DPA, video: Sequence, stride: int, device: str | torch.device
) -> tuple[float, np.ndarray]:
    count, n = len(video.images), model.config.references
    references = None
    if model.config.ifa:
        places = [i * (count // n) for i in range(n)]
        references = References.join(
            [model.reference(model.encode(*_inputs(model, video, i, device))) for i in places]
        )
    # The protocol leaves out the first and the last frame; a video too short for that counts all the same.
    frames = range(min(1, count - 1), min(count, max(2, count - 1)), stride)
    scores = []
    for i in frames:
        path = video.masks[i]
        assert path is not None
        image, flow = _inputs(model, video, i, device)
        probability = model.segment(model.encode(image, flow), references)[-1][0, 0]
        h, w = probability.shape
        ground_truth = fit(read_mask(path), (h, w)) > 127
        scores.append(region_similarity(probability.cpu().numpy() > 0.5, ground_truth))
        if i == frames[len(frames) // 2]:
            picture = _picture(image, flow, probability, ground_truth)
    return float(np.mean(scores)), picture


def _picture(
    image: torch.Tensor, flow: torch.Tensor | None, probability: torch.Tensor, ground_truth: np.ndarray
) -> np.ndarray:
    seen = image if flow is None else flow
    parts = [image[0], torch.full_like(seen[0], 0.5) if flow is None else seen[0]]
    parts += [probability.expand(3, -1, -1), torch.from_numpy(ground_truth).to(image).expand(3, -1, -1)]
    row: np.ndarray = torch.cat(parts, dim=2).mul(255).byte().permute(1, 2, 0).cpu().numpy()
    return row


def _inputs(
    model: DPA, video: Sequence, i: int, device: str | torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
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


def _tensor(image: np.ndarray, device: str | torch.device) -> torch.Tensor:
    return torch.from_numpy(image).to(device).permute(2, 0, 1)[None].float() / 255


@cache
def _dis() -> DIS:
    return DIS()
