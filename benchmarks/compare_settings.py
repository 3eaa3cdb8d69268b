"""Do two choices of the method matter: the start of linear layers, and what the prototypes' residual adds to?

    python benchmarks/compare_settings.py STILLS VIDEOS DEV [--seeds 3] [--iterations 250] [--out FILE.csv]

A small network (24 prototypes, 96 x 160 pixels, random encoder weights unless --encoder-weights) goes through
stage 2 on stills and videos, the same data in the same order for each choice; then J on every 6th of DEV.
Choices: `paper`, `normalised` (the residual adds to the normalised prototypes), `narrow` (linear layers start
at std 0.01, zero bias).
"""

import argparse
import csv
import statistics
import tempfile
from pathlib import Path

import torch
from torch import nn

from dpa.config import load
from dpa.datasets.layout import find_sequences
from dpa.model.dpa import DPA
from dpa.model.encoder import build_encoder
from dpa.model.pretrained import read_safetensors
from dpa.train.loop import Trainer
from dpa.train.settings import TrainSettings
from dpa.train.stages import make_batches
from dpa.train.validate import validate

CHOICES = ("paper", "normalised", "narrow")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stills")
    parser.add_argument("videos")
    parser.add_argument("dev")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=250)
    parser.add_argument("--encoder-weights", type=Path)
    parser.add_argument("--out", type=Path, default=Path("compare_settings.csv"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    scores: dict[str, list[float]] = {choice: [] for choice in CHOICES}
    with args.out.open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["seed", "choice", "J"])
        for seed in range(args.seeds):
            for choice in CHOICES:
                j = 100 * run(choice, seed, args)
                scores[choice].append(j)
                writer.writerow([seed, choice, f"{j:.1f}"])
                table.flush()
    for choice, values in scores.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"{choice:<12} J {statistics.mean(values):.1f} (standard deviation {spread:.1f}): {values}")


def run(choice: str, seed: int, args: argparse.Namespace) -> float:
    """Train one network and give its mean J in [0, 1]."""
    settings = load(
        TrainSettings,
        "tiny",
        [f"seed={seed}", f"finetune.iterations={args.iterations}", "finetune.sizes=[[96,160]]"],
    )
    settings.data.stills, settings.data.videos = args.stills, args.videos
    torch.manual_seed(seed)
    model = DPA(settings.model, **(settings.changes | {"size": 128, "raw_residual": choice != "normalised"}))
    if args.encoder_weights:
        weights = read_safetensors(args.encoder_weights)
        for encoder in model.encoders:
            source = build_encoder(model.config.encoder, folded=model.config.folded, weights=weights)
            encoder.load_state_dict(source.state_dict())
    if choice == "narrow":
        narrow(model)
    stage = settings.finetune
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, stage, make_batches(settings, stage), [], Path(folder))
        kept = trainer.fit(workers=1, save_minutes=1e9)
    scores, _ = validate(kept.eval(), find_sequences(args.dev, masks=True), stride=6)
    return statistics.mean(scores.values())


def narrow(model: DPA) -> None:
    """Linear layers as the network had them before: normal, std 0.01, zero bias."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


if __name__ == "__main__":
    main()
