"""Both stages of a settings file in a given time, unattended: for a machine lent for some hours.

    python benchmarks/train_default.py mobile runs/mobile --minutes 2 8 [--device cuda] \
        data.stills=STILLS data.videos=VIDEOS encoder_weights=FILE [key=value ...]

A short trial of each stage measures the speed here; the stages then get as many iterations as fit into their
minutes, so that the learning rate comes to its end in time. Whatever ends it, the same command goes on where
it was: what is done is in the folder, a stage that was broken off is resumed from its checkpoint. With
--until trial or --until pretrain it stops after that step. `table.csv` has a row for each step.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

TRIAL = 80
"""Iterations of a trial; its speed is that of the last third."""
DONE = "done"
SPARE = 0.96
"""Share of its minutes that a stage plans to use: start and end take the rest."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("folder", type=Path)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--minutes", type=float, nargs=2, required=True, metavar=("PRETRAIN", "FINETUNE"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--until", choices=("trial", "pretrain", "finetune"), default="finetune")
    args = parser.parse_intermixed_args()
    given = [*args.settings, "--device", args.device]
    root: Path = args.folder
    root.mkdir(parents=True, exist_ok=True)
    trial = ["validate_every=0", "data.validation=null"]
    stages = {"pretrain": [], "finetune": ["--stage1", str(root / "pretrain" / "last")]}
    for verb, minutes in zip(stages, args.minutes, strict=True):
        start = stages[verb] and ["--stage1", str(root / "trial-pretrain" / "last")]
        run(verb, args.config, root / f"trial-{verb}", TRIAL, [*given, *trial, *start])
        note(root, f"trial-{verb}", iterations_in(root / f"trial-{verb}", minutes))
    if args.until == "trial":
        return
    for verb, minutes in zip(stages, args.minutes, strict=True):
        run(verb, args.config, root / verb, planned(root, verb, minutes), [*given, *stages[verb]])
        note(root, verb, 0)
        if args.until == verb:
            return


def run(verb: str, config: str, folder: Path, iterations: int, words: list[str]) -> None:
    """One `dpa pretrain` or `dpa finetune`, from its checkpoint where it has one; nothing if it is done."""
    if (folder / DONE).exists():
        return
    resume = ["--resume"] if (folder / "checkpoint.pt").exists() else []
    kept = [w for w in words if not (resume and w in ("--stage1", *stage1_of(words)))]
    command = [
        sys.executable,
        "-m",
        "dpa",
        verb,
        config,
        f"{verb}.iterations={iterations}",
        "-o",
        str(folder),
    ]
    subprocess.run([*command, *kept, *resume], check=True)
    (folder / DONE).touch()


def stage1_of(words: list[str]) -> list[str]:
    return [words[words.index("--stage1") + 1]] if "--stage1" in words else []


def rows(folder: Path) -> list[dict[str, str]]:
    log = folder / "log.csv"
    if not log.exists():
        return []
    with log.open() as lines:
        return list(csv.DictReader(lines))


def iterations_in(trial: Path, minutes: float) -> int:
    """How many iterations fit into some minutes, by the trial's speed."""
    found = rows(trial)
    speeds = [float(row["images_per_second"]) for row in found[-max(1, len(found) // 3) :]]
    stage = json.loads((trial / "run.json").read_text())
    batch = stage["settings"][stage["stage"]]
    images = sum(speeds) / len(speeds) * 60 * minutes * SPARE
    return max(1, round(images / (batch["groups"] * batch["views"])))


def planned(root: Path, verb: str, minutes: float) -> int:
    """Iterations of a stage: of the run that has begun, else what fits into its minutes."""
    record = root / verb / "run.json"
    if record.exists():
        iterations: int = json.loads(record.read_text())["iterations"]
        return iterations
    return iterations_in(root / f"trial-{verb}", minutes)


def note(root: Path, step: str, plan: int) -> None:
    """A row of the table for a step that is done."""
    found = rows(root / step)
    table = root / "table.csv"
    known = (
        table.read_text() if table.exists() else "step,iterations,loss,images_per_second,planned,finished\n"
    )
    if found and f"\n{step}," not in known:
        last = found[-1]
        line = [step, last["iteration"], last["loss"], last["images_per_second"], plan or last["iteration"]]
        table.write_text(known + ",".join(map(str, [*line, time.strftime("%Y-%m-%d %H:%M")])) + "\n")


if __name__ == "__main__":
    main()
