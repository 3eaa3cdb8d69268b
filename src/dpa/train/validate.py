"""Validation during training: the engine's own masks of single frames, and their J."""

import cv2
import numpy as np
import torch

from dpa.arrays import Binary, Image
from dpa.backends.torch import TorchBackend
from dpa.datasets.layout import Sequence
from dpa.engine.config import SegmenterConfig
from dpa.engine.flow import FlowInput
from dpa.engine.pipeline import Pipeline
from dpa.engine.results import Mask
from dpa.engine.threads import Clock
from dpa.evaluate.measures import region_similarity
from dpa.flow.dis import DIS
from dpa.model.dpa import DPA
from dpa.model.size import fit
from dpa.train.data.read import read_mask
from dpa.video.images import ImageSource


def validate(
    model: DPA, videos: list[Sequence], stride: int = 1, device: str | torch.device = "cpu"
) -> tuple[dict[str, float], dict[str, Image]]:
    """Mean J of every sequence, and what it looks like.

    With a stride of 1 it is what `dpa predict --smooth 0 --refine off --target off --no-mirror` and
    `dpa evaluate` find.

    Args:
        model: in evaluation mode.
        videos: with masks; flow pictures are read where they are, and made by DIS where not.
        stride: every n-th frame counts.
        device: the model's.

    Returns:
        J in [0, 1] by sequence name, and by the same names a picture, (h, 4 w, 3) uint8 at the network's size
        and of the middle one of the counted frames: frame, flow, prediction, ground truth.

    Raises:
        InputError: a picture or mask cannot be read.
    """
    backend = TorchBackend(model, str(device))
    config = SegmenterConfig(smooth=0.0, refine="off", target="off", flow="dis").for_network(model.config)
    found = {video.name: _sequence(backend, config, video, stride) for video in videos}
    return {name: score for name, (score, _) in found.items()}, {name: p for name, (_, p) in found.items()}


def _sequence(
    backend: TorchBackend, config: SegmenterConfig, video: Sequence, stride: int
) -> tuple[float, Image]:
    count = len(video.images)
    # The protocol leaves out the first and the last frame; a video too short for that counts all the same.
    frames = range(min(1, count - 1), min(count, max(2, count - 1)), stride)
    clock, source = Clock(), ImageSource(video.images, video.name)
    motion = FlowInput(source, DIS(), config, clock, video.flows)
    scores = []
    for mask in Pipeline(source, motion, backend, config, clock).masks_at(frames):
        path = video.masks[mask.index]
        assert path is not None
        ground_truth = fit(read_mask(path), mask.binary.shape[:2]) > 127
        scores.append(region_similarity(mask.binary, ground_truth))
        if mask.index == frames[len(frames) // 2]:
            picture = _picture(mask, ground_truth, config.working_size(mask.binary.shape[:2]))
    return float(np.mean(scores)), picture


def _picture(mask: Mask, ground_truth: Binary, size: tuple[int, int]) -> Image:
    assert mask.flow_picture is not None
    greys = ((255 * mask.probability).astype(np.uint8), 255 * ground_truth.astype(np.uint8))
    panels: list[np.ndarray] = [mask.frame.image, mask.flow_picture]
    panels += [cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB) for grey in greys]
    return np.hstack([fit(panel, size) for panel in panels])
