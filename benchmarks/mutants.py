"""How many small wrong changes of the code the tests see: a sample of cosmic-ray's mutants, by package.

    pip install cosmic-ray
    python benchmarks/mutants.py engine video flow evaluate datasets [--count 60] [--seed 0] [--out mutants]
    python benchmarks/mutants.py engine ... --again     # those that lived, once more, after tests were added

Changes the files of `src/` in place and puts each back: run it in a clean checkout of its own. Each mutant is
given to those fast tests of its package's folder that run its line, the ones that run least first; they stop
at the first failure. Mutants of what runs when a module is imported are given to all, those that use the file
first. Mutants of annotations are left out, since no test can see them, and so are those of stars in calls and
signatures, which are no products. Prints a table of shares;
OUT/PACKAGE.jsonl has a line for each mutant with its diff and what became of it. The same command goes on
where it was.
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
import time
from collections import Counter
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import MutationSpec
from coverage import CoverageData

REPOSITORY = Path(__file__).resolve().parent.parent
FAST = "not (slow or real or process or network or gpu or browser)"
PYTEST = f'{sys.executable} -m pytest -q -p no:cacheprovider -m "{FAST}" --timeout=120'
LIMIT = 900.0
"""Seconds that the tests of one mutant may take, 120 for one test; a mutant that makes them hang is seen."""


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
    # Two mutants of one file within a second would share their bytecode.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
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
    done = (
        {line["mutant"]: line for line in map(json.loads, log.read_text().splitlines())}
        if log.exists()
        else {}
    )
    left = [
        (name, mutation)
        for mutation in sample(package, count, seed)
        if (name := f"{mutation.module_path}:{mutation.operator_name}:{mutation.occurrence}") not in done
        or (again and done[name]["outcome"] == "survived")
    ]
    tests = Tests(package) if left else None
    for name, mutation in left:
        assert tests is not None
        start = time.monotonic()
        result = mutate_and_test([mutation], f"{PYTEST} -x {shlex.join(tests.of(mutation))}", LIMIT)
        assert result.test_outcome is not None, result.output
        done[name] = {
            "mutant": name,
            "outcome": result.test_outcome.value,
            "seconds": round(time.monotonic() - start, 1),
            "diff": result.diff,
        }
        with log.open("a") as lines:
            lines.write(json.dumps(done[name]) + "\n")
    return package, len(done), sum(line["outcome"] != "survived" for line in done.values())


class Tests:
    """The fast tests of a package's folder, and the lines of the package that each runs."""

    def __init__(self, package: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["COVERAGE_FILE"] = f"{folder}/coverage"
            how = f"--cov=src/dpa/{package} --cov-context=test --cov-report= tests/{package}"
            if subprocess.run(shlex.split(f"{PYTEST} {how}")).returncode:
                sys.exit(f"tests/{package} fail without a mutant")
            data = CoverageData(f"{folder}/coverage")
            data.read()
            self._lines = {
                Path(file).relative_to(REPOSITORY): {
                    line: {context.rpartition("|")[0] for context in contexts} - {""}
                    for line, contexts in data.contexts_by_lineno(file).items()
                }
                for file in data.measured_files()
            }
        runs = Counter(test for lines in self._lines.values() for names in lines.values() for test in names)
        self._all = sorted(runs, key=lambda test: (runs[test], test))

    def of(self, mutation: MutationSpec) -> list[str]:
        """Those that can see a mutant; one that passes where there is none."""
        lines = self._lines[Path(mutation.module_path)]
        within = statement(mutation)
        if within is None:
            using = set[str]().union(*lines.values())
            return sorted(self._all, key=lambda test: test not in using)
        using = set[str]().union(*(lines.get(line, ()) for line in within))
        return [test for test in self._all if test in using] or ["--version"]


def statement(mutation: MutationSpec) -> range | None:
    """The lines of the smallest statement around a mutation; None where it runs at the module's import."""
    tree = ast.parse(Path(mutation.module_path).read_text())
    bodies = [
        one
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for one in node.body
    ]
    inside = [node for body in bodies for node in ast.walk(body) if isinstance(node, ast.stmt)]
    around = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in inside
        if (node.lineno, node.col_offset) <= mutation.start_pos
        and mutation.end_pos <= (node.end_lineno, node.end_col_offset)
    ]
    return min(around, key=len, default=None)


def sample(package: str, count: int, seed: int) -> list[MutationSpec]:
    """Mutations of a package's code, the same for the same seed."""
    with tempfile.TemporaryDirectory() as folder:
        work = WorkDB(f"{folder}/work.sqlite", WorkDB.Mode.create)
        init(sorted(Path("src/dpa", package).rglob("*.py")), work, {})
        items = [item.mutations[0] for item in work.work_items]
        work.close()
    items = [item for item in items if not in_annotation(item) and not is_mark(item)]
    items.sort(key=lambda item: (str(item.module_path), item.operator_name, item.occurrence))
    return random.Random(seed).sample(items, min(count, len(items)))


def in_annotation(mutation: MutationSpec) -> bool:
    """Whether a mutation lies within a type, which is never evaluated for its value."""
    return any(
        start <= mutation.start_pos and mutation.end_pos <= end
        for start, end in spans(mutation.module_path)[0]
    )


def is_mark(mutation: MutationSpec) -> bool:
    """Whether what is replaced is no operator: the star before keyword arguments, say."""
    return "ReplaceBinaryOperator" in mutation.operator_name and not any(
        start <= mutation.start_pos and mutation.end_pos <= end
        for start, end in spans(mutation.module_path)[1]
    )


Span = tuple[tuple[int, int], tuple[int, int]]


@functools.cache
def spans(path: Path) -> tuple[list[Span], list[Span]]:
    """Start and end, (line, column), of every type that a file names, and of what is around operators."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    types = [
        (part.lineno, part.col_offset, part.end_lineno or 0, part.end_col_offset or 0)
        for node in nodes
        for name in ("annotation", "returns")
        if isinstance(part := getattr(node, name, None), ast.expr)
    ]
    operations = [
        (one.end_lineno or 0, one.end_col_offset or 0, other.lineno, other.col_offset)
        for node in nodes
        if isinstance(node, (ast.BinOp, ast.AugAssign))
        for one, other in [
            (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        ]
    ]
    return [((a, b), (c, d)) for a, b, c, d in types], [((a, b), (c, d)) for a, b, c, d in operations]


if __name__ == "__main__":
    main()
