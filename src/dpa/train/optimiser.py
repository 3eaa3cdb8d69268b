"""Optimiser and learning rate of a stage."""

import math

import torch

from dpa.model.dpa import DPA
from dpa.train.settings import StageSettings


def schedule(iteration: int, stage: StageSettings) -> float:
    """Learning rate of an iteration: linear warm-up, then cosine from `lr` to `lr_end`."""
    if iteration < stage.warmup:
        return stage.lr * (iteration + 1) / stage.warmup
    part = (iteration - stage.warmup) / max(1, stage.iterations - stage.warmup)
    return stage.lr_end + (stage.lr - stage.lr_end) * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))


def make_optimiser(model: DPA, stage: StageSettings, fused: bool = False) -> torch.optim.Optimizer:
    """The stage's optimiser; a parameter group's `scale` is its share of the learning rate.

    Args:
        model: frozen parameters of its encoders are left out.
        stage: settings.
        fused: one kernel for all tensors, where the device has it.
    """
    encoders = [p for p in model.encoders.parameters() if p.requires_grad]
    inside = {id(p) for p in model.encoders.parameters()}
    rest = [p for p in model.parameters() if id(p) not in inside]
    groups = [{"params": encoders, "scale": stage.lr_encoder}, {"params": rest, "scale": 1.0}]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[stage.optimiser]
    return kind(groups, lr=stage.lr, weight_decay=stage.weight_decay, fused=fused or None)
