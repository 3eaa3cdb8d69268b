"""Runs that are killed at any moment: what has its final name is whole, and resumed equals unbroken.

    python benchmarks/kill.py [--seconds 200] [--only segment movie flow predict finetune prepare]

Runs each verb on a small input once to its end, then again and again, killed (SIGKILL) at a random moment.
Whatever then has a final name must be what the unbroken run wrote; where the verb resumes, it is run once
more to its end and all must be equal. The network is a stub (tests/engine_samples.py). Prints a table; exits
with 1 where something was not so.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
for name in ("tests", "tests/video", "tests/prepare", "tests/train"):
    sys.path.insert(0, str(REPOSITORY / name))


@dataclass(frozen=True)
class Verb:
    """A command to be killed.

    Attributes:
        words: of `dpa`; {place} is its folder.
        output: what it writes, below the folder.
        resume: words that make it go on; None where it starts over.
        stub: whether the network is a stub.
        whole: whether a folder of that name means that all of it is there.
        evolves: files of a final name are replaced by later ones on the way: they must be readable, and
            equal at the end only.
    """

    words: tuple[str, ...]
    output: str
    resume: tuple[str, ...] | None
    stub: bool = True
    whole: bool = True
    evolves: bool = False


VERBS = {
    "segment": Verb(("segment", "{place}/clip.mkv", "-o", "{place}/out"), "out", ("--resume",)),
    "movie": Verb(("segment", "{place}/clip.mkv", "-o", "{place}/out.mp4"), "out.mp4", None),
    "flow": Verb(("flow", "{place}/clip.mkv", "{place}/flow"), "flow", (), whole=False),
    "predict": Verb(("predict", "{place}/data/DAVIS_test", "{place}/masks"), "masks", (), whole=False),
    "finetune": Verb(
        (
            "finetune",
            "{place}/settings.yaml",
            "--stage1",
            "dpa-mobile",
            "-o",
            "{place}/run",
            "--device",
            "cpu",
        ),
        "run",
        ("--resume",),
        whole=False,
        evolves=True,
    ),
    "prepare": Verb(("prepare", "davis", "{place}/source", "{place}/data2"), "data2", (), whole=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--only", nargs="+", choices=list(VERBS))
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    kinds = settings.only or list(VERBS)
    rng = random.Random(settings.seed)
    for kind in kinds:
        counts[kind] = Counter()
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            make_inputs(place)
            start = time.monotonic()
            run(VERBS[kind], place).wait()
            length = time.monotonic() - start
            expected = tree(place / VERBS[kind].output)
            assert expected, f"{kind} wrote nothing"
            end = time.monotonic() + settings.seconds / len(kinds)
            while time.monotonic() < end:
                remove(place, VERBS[kind])
                moment = rng.uniform(0, length)
                for outcome in attempt(VERBS[kind], place, moment, expected):
                    counts[kind][outcome.partition(":")[0]] += 1
                    if outcome.startswith("wrong"):
                        wrong.append(f"{kind}, killed after {moment:.2f} of {length:.2f} s: {outcome}")
    print("| verb | killed | something had its final name | resumed to the same | wrong |")
    print("|---|---|---|---|---|")
    for kind, count in counts.items():
        row = (count["killed"], count["final"], count["resumed"], count["wrong"])
        print(f"| {kind} | {' | '.join(map(str, row))} |")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


def attempt(verb: Verb, place: Path, moment: float, expected: dict[str, bytes]) -> list[str]:
    """One run that is killed, and what came of it."""
    process = run(verb, place)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    outcomes = ["killed"]
    found = tree(place / verb.output)
    if found:
        outcomes.append("final")
        if verb.evolves:
            differing = [name for name in found if not is_readable(place / verb.output / name)]
        else:
            differing = [name for name, data in found.items() if expected.get(name) != data]
        missing = set(expected) - set(found) if verb.whole else set()
        if differing or missing:
            outcomes.append(f"wrong: differing {differing[:3]}, missing {sorted(missing)[:3]}")
    if verb.resume is not None:
        # Training that was killed before its first checkpoint starts over, as --resume would say.
        begun = not verb.evolves or (place / verb.output / checkpoint()).exists()
        again = run(verb, place, verb.resume if begun else ())
        code = again.wait()
        if code or tree(place / verb.output) != expected:
            outcomes.append(f"wrong: resumed with exit code {code}, not the same as unbroken")
        else:
            outcomes.append("resumed")
    return outcomes


def checkpoint() -> str:
    """Name of what training goes on from."""
    from dpa.train.checkpoint import NAME

    return NAME


def run(verb: Verb, place: Path, more: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Starts a verb."""
    from engine_samples import program

    words = [word.format(place=place) for word in (*verb.words, *more)]
    code = program("time.sleep(0.02)")
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=quiet, stderr=quiet, cwd=place)


def make_inputs(place: Path) -> None:
    """A clip, an archive, and a data set."""
    from archive_samples import SMALL, converted, davis2016

    from engine_samples import make_clip

    make_clip(place / "clip.mkv", 30)
    davis2016(place / "source", SMALL)
    converted("davis", place / "source", place / "data")
    make_training(place)


def make_training(place: Path) -> None:
    """Two short videos with masks and flow pictures, and settings that train on them in a few seconds."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, folder in {"left": "videos", "right": "videos", "across": "validation/across"}.items():
        for index in range(4):
            picture = rng.integers(0, 90, (64, 64, 3)).astype(np.uint8)
            mask = np.zeros((64, 64), np.uint8)
            mask[20:40, 8 + 4 * index : 28 + 4 * index] = 255
            picture[mask > 0] = (60, 220, 240)
            flow = np.where(mask[..., None] > 0, np.uint8((255, 0, 0)), np.uint8(255))
            for kind, image in {"RGB": picture, "GT": mask, "FLOW": flow}.items():
                path = place / "training" / folder / kind / f"{name}_{index:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(path)
    (place / "settings.yaml").write_text(
        f"""\
model: dpa-mobile
changes: {{size: 64}}
data: {{videos: {place}/training/videos, validation: {place}/training/validation}}
workers: 0
finetune: {{iterations: 3, groups: 2, views: 2, sizes: [[64, 64]], still_share: 0}}
validate_every: 2
save_minutes: 0
"""
    )


def tree(path: Path) -> dict[str, bytes]:
    """What has its final name: files below a path, without those that are hidden, partial or reports."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    found = {}
    for file in sorted(path.rglob("*")) if path.is_dir() else []:
        parts = file.relative_to(path).parts
        partial = any(part.startswith(".") or part.endswith(".part") for part in parts)
        if file.is_file() and not partial and file.suffix in (".png", ".jpg", ".mp4", ".safetensors"):
            found["/".join(parts)] = file.read_bytes()
    return found


def is_readable(path: Path) -> bool:
    """Whether a file of weights is whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return all(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError):
        return False


def remove(place: Path, verb: Verb) -> None:
    """Removes what a run may have left."""
    for path in place.iterdir():
        if path.name.lstrip(".").startswith(verb.output):
            shutil.rmtree(path) if path.is_dir() else os.unlink(path)


if __name__ == "__main__":
    main()
