"""Accuracy against speed: masks of a data set with several settings, one after the other.

    python benchmarks/trade.py DAVIS_dev                                # a set of settings worth knowing
    python benchmarks/trade.py DAVIS_dev -s every=2 -s "size=320 flow=dis-fast"

Every row is `dpa predict` (frames read from pictures, masks written as PNG) and `dpa evaluate`, on all cores;
frames a second are over all videos, references included, loading the network not. The ratio is to the first
row, the defaults. The machine's rate of matrix products is printed with them.
"""

import argparse
import tempfile
from pathlib import Path

from omegaconf import OmegaConf

from dpa.bench.machine import describe, multiply_rate
from dpa.bench.settings import BenchSettings
from dpa.evaluate.run import evaluate
from dpa.predict import Prediction

SETTINGS = (
    "",
    "size=384 flow_size=512",
    "precision=fp32",
    "every=2",
    "every=4",
    "flow=dis-fast",
    "smooth=0",
    "references=1",
    "references=16",
    "threshold=0.4",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument(
        "-s", "--settings", action="append", help="of dpa.engine.segmenter.Segmenter: key=value ..."
    )
    parser.add_argument("--common", default="", help="settings of every row")
    args = parser.parse_args()
    facts = describe("cpu")
    rate = multiply_rate(BenchSettings(video=str(args.dataset)), "numpy")["flops_per_second"] / 1e9
    print(f"{facts['processor']}, cores: {facts['cores']}, load {facts['load_before']}")
    print(f"matrix product: {rate:.0f} GFLOP/s (NumPy, fp32)\n")
    print("| settings | frames/s | ratio | J | F | J&F |\n|---|---|---|---|---|---|")
    first = None
    for text in ("", *args.settings) if args.settings else SETTINGS:
        speed, j, f = measure(args.dataset, f"{args.common} {text}")
        first = first or speed
        figures = f"{speed:.1f} | {speed / first:.2f} | {j:.1f} | {f:.1f} | {(j + f) / 2:.1f}"
        print(f"| {text or 'the defaults'} | {figures} |", flush=True)


def measure(dataset: Path, text: str) -> tuple[float, float, float]:
    """Frames a second, J and F in percent, for `key=value` settings."""
    options = {str(name): value for name, value in OmegaConf.from_dotlist(text.split()).items()}
    with tempfile.TemporaryDirectory() as folder:
        job = Prediction(dataset, Path(folder) / "masks", **options)
        job.run()
        entries = job.record.entries.values()
        found = evaluate(Path(folder) / "masks" / "binary", dataset).figures
        speed = sum(entry.frames for entry in entries) / sum(entry.seconds for entry in entries)
    return speed, 100 * found["J"], 100 * found["F"]


if __name__ == "__main__":
    main()
