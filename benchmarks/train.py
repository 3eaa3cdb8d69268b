"""How fast this machine trains, and where the time goes.

    python benchmarks/train.py mobile STILLS VIDEOS [key=value ...] [--device cuda] [--repeats 10]

Stage 2 of a settings file on a data set with RGB, GT (and FLOW for VIDEOS). Making a batch is timed on one
core, the parts of an iteration on the device; medians, with the quartiles beside them. A last line times made
motion alone at 384 x 384.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch

from dpa.config import load
from dpa.device import pick_device
from dpa.model.config import named_config
from dpa.model.dpa import DPA
from dpa.train.data.augment import View
from dpa.train.data.copy_paste import paste_scenes
from dpa.train.data.synthetic_flow import synthetic_flow_picture
from dpa.train.devices import make_fabric
from dpa.train.feed import Feed
from dpa.train.loop import Trainer
from dpa.train.settings import TrainSettings
from dpa.train.stages import make_batches


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("stills")
    parser.add_argument("videos")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=10)
    args = parser.parse_args()
    given = [*args.settings, f"data.stills={args.stills}", f"data.videos={args.videos}"]
    settings = load(TrainSettings, args.config, given)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    stage, device = settings.finetune, pick_device(args.device)
    model = DPA(named_config(settings.model, **settings.changes))
    batches = make_batches(settings, stage)
    fabric = make_fabric(device, 1, 1, settings.precision)
    trainer = Trainer(model, stage, batches, [], Path(), fabric, compiled=settings.compile)
    feed = Feed(batches, 0, args.repeats, stage.accumulate)
    images = stage.groups * stage.views
    print(f"{settings.model} on {device}, {settings.precision}, {torch.get_num_threads()} threads")

    cv2.setNumThreads(1)
    making = _times(lambda i: [feed[i * stage.accumulate + k] for k in range(stage.accumulate)], args.repeats)
    _show("make a batch (one core)", making, images)

    parts = [feed[k] for k in range(stage.accumulate)]
    trainer.model.train()
    with torch.no_grad():
        forward = _times(lambda i: _forward(trainer, parts), args.repeats, device)
    whole = _times(lambda i: trainer._step(parts), args.repeats, device)  # type: ignore[arg-type]
    optimiser = _times(lambda i: trainer.optimiser.step(), args.repeats, device)
    _show("forward and loss", forward, images)
    _show("optimiser", optimiser, images)
    _show("whole iteration", whole, images)
    _motion(args.repeats)


def _forward(trainer: Trainer, parts: list) -> None:
    for part in parts:
        trainer.loss(part)


def _motion(repeats: int) -> None:
    """Synthetic flow of one still, and copy-paste of two, at 384 x 384 on one core."""
    rng = np.random.default_rng(0)
    stills = []
    for centre in ((150, 200), (230, 180)):
        mask = np.zeros((384, 384), np.uint8)
        cv2.circle(mask, centre, 90, 255, -1)
        stills.append(View(rng.integers(0, 256, (384, 384, 3)).astype(np.uint8), mask))
    alone = _times(lambda i: synthetic_flow_picture(stills[0].mask / np.float32(255), rng), 5 * repeats)
    both = _times(
        lambda i: synthetic_flow_picture(
            paste_scenes(stills[0], stills[1], 1, rng)[0].mask / np.float32(255), rng
        ),
        5 * repeats,
    )
    _show("synthetic flow, 384 x 384 (one core)", alone, 1)
    _show("the same with copy-paste", both, 1)


def _times(work: Callable[[int], object], repeats: int, device: str = "cpu") -> list[float]:
    """Seconds of every repeat, after two to warm up."""
    seconds = []
    for i in range(-2, repeats):
        with nullcontext() if device == "cpu" else torch.cuda.device(device):
            start = time.perf_counter()
            work(max(0, i))
            if device.startswith("cuda"):
                torch.cuda.synchronize()
        if i >= 0:
            seconds.append(time.perf_counter() - start)
    return seconds


def _show(name: str, seconds: list[float], images: int) -> None:
    low, middle, high = (1000 * s for s in statistics.quantiles(seconds, n=4))
    print(
        f"{name:36} {middle:9.1f} ms ({low:.1f} to {high:.1f}) {1000 * images / middle:8.1f} images a second"
    )


if __name__ == "__main__":
    main()
