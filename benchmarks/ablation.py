"""Does the method's claim hold? Five networks, some seeds, one recipe; J, F and changes of each as a table.

    python benchmarks/ablation.py mobile STAGE1 -o FOLDER --dev DAVIS_dev [MADE ...] [--at-once 2] \
        -- data.stills=STILLS data.videos=VIDEOS [key=value ...]

The networks: appearance alone, both streams, and both with IMA, IFA or both of them. All begin with the
weights of STAGE1 and see the same data in the same order for a seed; appearance alone does without pasted
and resting objects, since nothing tells it which of two is meant. `--at-once` networks train beside each
other, each on a core of its own. Then the masks of each DEV, without smoothing, refining or a target, in
float32. What is done is in the folder: the same command goes on where it was.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

NETWORKS = {
    "appearance": ["changes.motion=false", "changes.ifa=false"],
    "+ motion": ["changes.ima=false", "changes.ifa=false"],
    "+ motion + IFA": ["changes.ima=false"],
    "+ motion + IMA": ["changes.ifa=false"],
    "+ motion + IMA + IFA": [],
}
ALONE = ["finetune.paste=0", "finetune.crowd=0", "finetune.lost=0"]
"""For appearance alone."""
PLAIN = ["--smooth", "0", "--refine", "off", "--target", "off", "--no-mirror", "--precision", "fp32"]
MEASURES = {"JF": "J&F", "J": "J", "F": "F", "changes": "changes"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("stage1")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--dev", type=Path, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=1)
    args = parser.parse_intermixed_args()
    cores: SimpleQueue[int] = SimpleQueue()
    for core in range(args.at_once):
        cores.put(core)

    def run(seed: int, name: str) -> None:
        core = cores.get()
        try:
            one(args, seed, name, core)
        finally:
            cores.put(core)

    with ThreadPoolExecutor(args.at_once) as pool:
        runs = [pool.submit(run, seed, name) for seed in range(args.seeds) for name in NETWORKS]
        for done in runs:
            done.result()
    for dev in args.dev:
        print_table(args.output, dev.name, args.seeds)


def one(args: argparse.Namespace, seed: int, name: str, core: int) -> None:
    """Train and score one network on one core; what is there already is left as it is."""
    folder: Path = args.output / folder_name(name, seed)
    words = [*args.settings, *NETWORKS[name], *(ALONE if name == "appearance" else [])]
    trained = folder / "trained"
    if not trained.exists():
        start = ["--resume"] if (folder / "checkpoint.pt").exists() else ["--stage1", args.stage1]
        dpa(core, "finetune", args.recipe, *words, f"seed={seed}", "threads=1", *start, "-o", folder)
        trained.touch()
    for dev in args.dev:
        masks, report = folder / f"masks-{dev.name}", folder / f"{dev.name}.json"
        if not report.exists():
            weights = ["--weights", folder / "last", "--threads", 1, "--overwrite"]
            dpa(core, "predict", dev, masks, *weights, *PLAIN)
            dpa(core, "evaluate", masks / "binary", dev, "--stability", "--json", report)


def folder_name(network: str, seed: int) -> str:
    return f"{network.replace('+ ', '').replace(' ', '-')}-{seed}"


def dpa(core: int, *words: object) -> None:
    command = [sys.executable, "-m", "dpa", *map(str, words)]
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )


def print_table(output: Path, dev: str, seeds: int) -> None:
    """J&F of each seed, then each measure's mean and standard deviation over the seeds, in percent."""
    heads = [*(f"J&F, seed {seed}" for seed in range(seeds)), *MEASURES.values()]
    print(f"\n{dev}\n\n| network | {' | '.join(heads)} |\n|{'---|' * (1 + len(heads))}")
    for name in NETWORKS:
        reports = [output / folder_name(name, seed) / f"{dev}.json" for seed in range(seeds)]
        found = [json.loads(report.read_text()) for report in reports]
        cells = [f"{100 * figures['JF']:.1f}" for figures in found]
        for measure in MEASURES:
            values = [100 * figures[measure] for figures in found]
            spread = statistics.stdev(values) if seeds > 1 else 0.0
            cells.append(f"{statistics.mean(values):.1f} ± {spread:.1f}")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
