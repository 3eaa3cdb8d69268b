"""Taking times, memory and what follows from them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_samples import make_folder

from dpa.bench import measure
from dpa.bench.clip import Head, opened
from dpa.bench.machine import describe, multiply_rate
from dpa.bench.measure import Measured, repeat
from dpa.bench.report import Comparison, Report, Row
from dpa.bench.settings import BenchSettings
from dpa.errors import DPAError, InputError
from dpa.video import open_source


class Clock:
    """Time that passes only while work is done."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def timed(monkeypatch: pytest.MonkeyPatch, lasting: float, **settings: object) -> tuple[list[float], int]:
    """Samples and number of calls of work that takes so long for two frames."""
    clock, calls = Clock(), 0
    monkeypatch.setattr(measure, "time", clock)

    def work() -> int:
        nonlocal calls
        calls += 1
        clock.now += lasting
        return 2

    return repeat(work, BenchSettings(video="clip", **settings)), calls  # type: ignore[arg-type]


def test_repeats_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, calls = timed(monkeypatch, 1.0, repeats=7, warmup=2)
    assert samples == pytest.approx([0.5] * 7)
    assert calls == 9


def test_slow_work_is_repeated_less_but_never_less_than_thrice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(timed(monkeypatch, 100.0, repeats=10, seconds=60)[0]) == 3
    assert len(timed(monkeypatch, 10.0, repeats=10, seconds=45)[0]) == 5


# In a process of its own: one that has loaded all of torch may lose as many pages as the work takes.
MEMORY = """
import numpy as np
from dpa.bench import measure
from dpa.bench.settings import BenchSettings

size = 400 * 2**20

def work():
    return int(np.ones(size, np.uint8).any())

work()  # what came before does not count
small = measure.measure(lambda: 1, BenchSettings(video="clip"), frames=7)
large = measure.measure(work, BenchSettings(video="clip"))
assert small.facts == {"frames": 7}
assert len(small.seconds) == 10
for measured in (small, large):
    assert measured.memory >= measured.loaded > 2**20
assert small.memory - small.loaded < 0.1 * size
assert large.memory - large.loaded > 0.9 * size
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_memory_is_that_of_the_work(python) -> None:
    done = python("-c", MEMORY)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"repeats": 2}, "at least 3 repeats"),
        ({"frames": 1}, "at least 2 frames"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        BenchSettings(video="clip", **settings)  # type: ignore[arg-type]


def test_precision_is_the_devices_own() -> None:
    assert BenchSettings(video="clip").in_precision == "fp32"
    assert BenchSettings(video="clip", device="cuda:1").in_precision == "fp16"
    assert BenchSettings(video="clip", device="cuda", precision="bf16").in_precision == "bf16"
    # What runs beside a graph in 8 bits has no 8 bits of its own.
    assert BenchSettings(video="clip", precision="int8").in_precision == "fp32"


def test_the_precision_told_is_that_of_the_network_that_ran() -> None:
    made = Report(BenchSettings(video="clip"), {})
    assert made.to_dict()["settings"]["precision"] == "fp32"
    made.network["precision"] = "int8"
    assert made.to_dict()["settings"]["precision"] == "int8"


def test_the_head_of_a_video(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "in", [f"{i}.png" for i in range(5)])
    with Head(open_source(folder), 3) as head:
        assert head.count == 3
        assert (head.name, head.size, head.frame_name(1)) == ("in", (48, 64), "1")
        assert [frame.index for frame in head.frames()] == [0, 1, 2]
        assert [frame.index for frame in head.frames(2)] == [2]
        ((_, following), (_, none)) = head.pairs_at([1, 2])
        assert following is not None
        assert none is None
    with Head(open_source(folder), 9) as head:
        assert head.count == len(list(head.frames())) == 5


@pytest.mark.parametrize("names", [["a.png"], []])
def test_a_video_too_short(tmp_path: Path, names: list[str]) -> None:
    make_folder(tmp_path / "in", names)
    with pytest.raises(InputError), opened(BenchSettings(video=str(tmp_path / "in"))):
        pass


def report(seconds: list[float], flops: float | None = None, rate: float = 1e9) -> dict[str, object]:
    measured = Measured(seconds, 3 * 2**20, 2**20, flops)
    made = Report(
        BenchSettings(video="clip"), {}, {"flops_per_second": rate}, rows=[Row("network", measured)]
    )
    return made.to_dict()["stages"]["network"]  # type: ignore[no-any-return]


@given(st.lists(st.floats(1e-4, 1e3), min_size=3, max_size=30), st.floats(1e3, 1e15))
def test_figures(seconds: list[float], flops: float) -> None:
    figures = report(seconds, flops)
    times = figures["milliseconds"]
    assert isinstance(times, dict)
    (low, high), (least, most) = times["quartiles"], times["range"]
    assert least <= low <= times["median"] <= high <= most
    assert times["repeats"] == len(seconds)
    assert figures["frames_per_second"] == pytest.approx(1000 / times["median"])
    assert figures["share_of_matrix_rate"] == pytest.approx(flops / (times["median"] / 1000) / 1e9)
    assert (figures["peak_memory_mib"], figures["loaded_memory_mib"]) == (3, 1)


def test_what_was_not_counted_has_no_share() -> None:
    figures = report([1.0, 2.0, 3.0])
    assert figures["gflop_per_frame"] is None
    assert figures["share_of_matrix_rate"] is None


def test_ways_compared() -> None:
    paper = np.full((2, 4, 4), 0.4, np.float32)
    cached = paper.copy()
    ways = {
        "paper": Measured([4.0, 5.0, 9.0]),
        "cached": Measured([1.0, 2.0, 2.0], facts={"seconds_once": 3}),
    }
    same = Comparison.of({"paper": paper, "cached": cached}, ways, {"paper": 6.0, "cached": 2.0}, "fp32")
    assert (same.difference, same.pixels, same.ratio, same.flop_ratio, same.once) == (0, 0, 2.5, 3, 3)
    same.check()
    cached[0, 0, 0] = 0.6
    other = Comparison.of({"paper": paper, "cached": cached}, ways, {}, "fp32")
    assert other.pixels == 1 / 32
    assert other.flop_ratio is None
    with pytest.raises(DPAError, match="do not agree"):
        other.check()
    cached[0, 0, 0] = np.nan
    with pytest.raises(DPAError, match="do not agree"):
        Comparison.of({"paper": paper, "cached": cached}, ways, {}, "fp32").check()


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_the_rate_of_products(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpa.bench.machine._LEAST_SECONDS", 0.0)
    precision = "bf16" if library == "torch" else "auto"
    facts = multiply_rate(BenchSettings(video="clip", matrix=32, precision=precision), library)
    assert facts["flops_per_second"] > 0
    assert facts["runs"] >= 5
    assert (facts["side"], facts["library"]) == (32, library)
    assert facts["precision"] == ("bf16" if library == "torch" else "fp32")


def test_the_machine() -> None:
    facts = describe("cpu")
    assert facts["processor"]
    assert facts["cores"] >= 1
    assert facts["libraries"]["numpy"] == np.__version__
