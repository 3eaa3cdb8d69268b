"""How many small wrong changes of the code the tests see: a sample of cosmic-ray's mutants, by package.

    pip install cosmic-ray
    python benchmarks/mutants.py engine video flow evaluate datasets [--count 60] [--seed 0] [--out mutants]
    python benchmarks/mutants.py engine ... --again     # those that lived, once more, after tests were added

Changes the files of `src/` in place and puts each back: run it in a clean checkout of its own. Each mutant is
given to the fast tests of its package's folder, which stop at the first failure. Mutants of annotations are
left out, since no test can see them. Prints a table of shares; OUT/PACKAGE.jsonl has a line for each mutant
with its diff and what became of it. The same command goes on where it was.
"""

import argparse
import ast
import functools
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec

REPOSITORY = Path(__file__).resolve().parent.parent
FAST = "not (slow or real or process or network or gpu or browser)"
LIMIT = 300.0
"""Seconds that the tests of one mutant may take; a mutant that makes them hang is seen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="+")
    parser.add_argument("--count", type=int, default=60, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mutants"))
    parser.add_argument("--again", action="store_true", help="try those that lived once more")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    out = args.out.resolve()
    os.chdir(REPOSITORY)
    os.environ["PYTHONPATH"] = str(REPOSITORY / "src")
    rows = [
        try_all(package, args.count, args.seed, out / f"{package}.jsonl", args.again)
        for package in args.packages
    ]
    print("| package | mutants | seen by the tests | share |")
    print("|---|---|---|---|")
    for name, tried, seen in [*rows, ("all", sum(r[1] for r in rows), sum(r[2] for r in rows))]:
        print(f"| {name} | {tried} | {seen} | {seen / max(tried, 1):.0%} |")


def try_all(package: str, count: int, seed: int, log: Path, again: bool) -> tuple[str, int, int]:
    """Mutants of one package: its name, how many there were, and how many the tests saw."""
    command = f'{sys.executable} -m pytest -q -x -p no:cacheprovider -p no:cov -m "{FAST}" tests/{package}'
    if subprocess.run(shlex.split(command)).returncode:
        sys.exit(f"tests/{package} fail without a mutant")
    done = (
        {line["mutant"]: line for line in map(json.loads, log.read_text().splitlines())}
        if log.exists()
        else {}
    )
    for mutation in sample(package, count, seed):
        name = f"{mutation.module_path}:{mutation.operator_name}:{mutation.occurrence}"
        if name in done and not (again and done[name]["outcome"] == "survived"):
            continue
        result = mutate_and_test([mutation], command, LIMIT)
        assert result.test_outcome is not None, result.output
        done[name] = {"mutant": name, "outcome": result.test_outcome.value, "diff": result.diff}
        with log.open("a") as lines:
            lines.write(json.dumps(done[name]) + "\n")
    return package, len(done), sum(line["outcome"] != "survived" for line in done.values())


def sample(package: str, count: int, seed: int) -> list[MutationSpec]:
    """Mutations of a package's code, the same for the same seed."""
    with tempfile.TemporaryDirectory() as folder:
        work = WorkDB(f"{folder}/work.sqlite", WorkDB.Mode.create)
        init(sorted(Path("src/dpa", package).rglob("*.py")), work, {})
        items = [item.mutations[0] for item in work.work_items]
        work.close()
    items = [item for item in items if not in_annotation(item)]
    items.sort(key=lambda item: (str(item.module_path), item.operator_name, item.occurrence))
    return random.Random(seed).sample(items, min(count, len(items)))


def in_annotation(mutation: MutationSpec) -> bool:
    """Whether a mutation lies within a type, which is never evaluated for its value."""
    return any(
        start <= mutation.start_pos and mutation.end_pos <= end
        for start, end in annotations(mutation.module_path)
    )


@functools.cache
def annotations(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Start and end, (line, column), of every type that a file names."""
    parts = [
        part
        for node in ast.walk(ast.parse(path.read_text()))
        for name in ("annotation", "returns")
        if isinstance(part := getattr(node, name, None), ast.expr)
    ]
    return [((one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0)) for one in parts]


if __name__ == "__main__":
    main()
