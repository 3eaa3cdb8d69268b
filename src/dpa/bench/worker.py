"""A process that measures one stage: `python -m dpa.bench.worker REQUEST RESULT`, two JSON files.

The request holds `stage`, `settings` and `options` of the stage; the result what was measured, or an `error`,
one sentence.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from dpa.bench.settings import BenchSettings
from dpa.errors import DPAError


def main(request: str, result: str) -> int:
    """Measure what a file asks for, and write the answer into another."""
    asked = json.loads(Path(request).read_text("utf-8"))
    try:
        from dpa.bench.stages import STAGES

        measured = STAGES[asked["stage"]](BenchSettings(**asked["settings"]), **asked["options"])
    except DPAError as error:
        Path(result).write_text(json.dumps({"error": str(error), "kind": type(error).__name__}), "utf-8")
        return 1
    Path(result).write_text(json.dumps(asdict(measured)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
