"""What all tests share: few threads, the real data where it is there, reasons for what cannot run here."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from graph_samples import Exported

    from engine_samples import FakeBackend
    from s3_server import Door

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

# Put into a process's path as sitecustomize.py: the base installation, on a machine that has all of it.
WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

GONE = {"torch", "torchvision", "timm", "safetensors", "huggingface_hub", "lightning_fabric", "onnx"}

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in GONE:
            return None
        return PathFinder.find_spec(fullname, path, target)

    @classmethod
    def find_distributions(cls, context):
        found = PathFinder.find_distributions(context)
        return (one for one in found if one.metadata["Name"].replace("-", "_") not in GONE)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""

Command = Callable[..., tuple[int, str, str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


# Before any library is loaded: results must not depend on how many cores a machine has, workers side by side
# (pytest -n) have a core each, and small pictures give two threads nothing to share but the waiting.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"


def pytest_configure() -> None:
    import hypothesis

    # A busy machine is no error: nothing timed is a test here.
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")


# What a fixture says of a test that uses it.
MARKED = {
    "python": "process",
    "base_python": "process",
    "address": "process",  # the page's server has some
    "exported": "slow",
    "traced_once": "slow",
    "s3_door": "slow",  # moto and the libraries of S3 take seconds to import
}
# Files whose tests share what takes long to make: one of the processes side by side runs them all.
TOGETHER = {
    "the graph": ("export/test_int8", "export/test_onnx", "backends", "bench/test_graph", "test_examples"),
    "the page's server": ("web",),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in {MARKED[name] for name in getattr(item, "fixturenames", ()) if name in MARKED}:
            item.add_marker(mark)
    # Side by side, what takes long begins first, so that no process waits for it at the end.
    slow = Counter(_group(item.nodeid) for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[_group(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but for files of `TOGETHER`."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return Scheduling(config, log)


def _group(nodeid: str) -> str:
    """The tests that run in one process: a file's, or those of files that belong together."""
    file = nodeid.partition("::")[0]
    place = file.removeprefix("tests/")
    return next((name for name, places in TOGETHER.items() if place.startswith(places)), file)


def pytest_runtest_setup(item: pytest.Item) -> None:
    reasons = {"gpu": _no_gpu, "network": _no_network, "browser": _no_browser, "real": _no_real_data}
    for marker, reason in reasons.items():
        if item.get_closest_marker(marker) and (why := reason()):
            pytest.skip(why)


def _no_gpu() -> str:
    if find_spec("torch") is None:
        return "torch is not installed"
    import torch

    return "" if torch.cuda.is_available() else "no CUDA device"


def _no_network() -> str:
    return "" if os.environ.get("DPA_TEST_NETWORK") else "set DPA_TEST_NETWORK=1 to use the internet"


def _no_browser() -> str:
    if find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if shutil.which("chromium") or shutil.which("google-chrome") else "no headless browser"


def _no_real_data() -> str:
    return "" if SHARED.is_dir() else "no real data: there is no shared folder beside the repository"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository; the test is skipped where it is not there."""
    if why := _no_real_data():
        pytest.skip(why)
    return SHARED


@pytest.fixture(scope="session")
def traced_once() -> Iterator[None]:
    """A network of the same weights is traced once."""
    from graph_samples import graphs_once

    with graphs_once():
        yield


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, traced_once: None) -> "Exported":
    """A small network, its weights and its graph. Not to be changed."""
    from graph_samples import export_small

    return export_small(tmp_path_factory.mktemp("exported"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the weights that this machine's user has put into the cache folder."""
    monkeypatch.setenv("DPA_HOME", str(tmp_path_factory.getbasetemp() / "dpa-home"))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """What a test asks for, `dpa bench` with two threads say, does not slow those after it down."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def s3_door() -> Iterator["Door"]:
    """The S3 server of the session."""
    pytest.importorskip("moto", reason="moto is not installed: pip install -e .[dev]")
    from s3_server import s3_server

    with s3_server() as door:
        yield door


@pytest.fixture
def s3(s3_door: "Door", monkeypatch: pytest.MonkeyPatch) -> Iterator["Door"]:
    """An S3 server with an empty bucket, s3://bucket; libraries find it."""
    import fsspec
    import s3fs

    from dpa.storage import files

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_door.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(fsspec.config.conf, "s3", {"config_kwargs": {"retries": {"max_attempts": 0}}})
    monkeypatch.setattr(files, "WAITS", [0.01, 0.01, 0.01])
    # What s3fs itself does again, with long waits, is left to ours.
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    system = s3fs.S3FileSystem()
    system.mkdir("bucket")
    s3_door.seen.clear()
    s3_door.hit.clear()
    yield s3_door
    s3_door.faults.clear()
    system.invalidate_cache()
    system.rm("bucket", recursive=True)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> "FakeBackend":
    """The network that every `Segmenter` of the test runs, instead of one with weights."""
    from engine_samples import FakeBackend, use

    return use(FakeBackend(), monkeypatch)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process: `code, out, err = command("models", "--json")`."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        from dpa.cli import main

        monkeypatch.setattr(sys, "argv", ["dpa", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        written = capsys.readouterr()
        return int(stopped.value.code or 0), written.out, written.err

    return call


@pytest.fixture
def stages_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dpa bench` measures its stages in this process: starting one for each takes most of a test's time."""
    from dpa.bench import worker

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(command, worker.main(*command[-2:]), b"", b"")

    monkeypatch.setattr("dpa.bench.run.subprocess", SimpleNamespace(run=run, PIPE=None, DEVNULL=None))


@pytest.fixture
def python() -> Run:
    """Run Python in a process of its own: `python("-c", code)`, `python("-m", "dpa", "--help")`."""
    return _run


@pytest.fixture
def base_python(tmp_path: Path) -> Run:
    """The same as `python`, as if nothing of the extra [torch] were installed."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text(WITHOUT_TORCH)
    places = [str(tmp_path / "without"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    return lambda *words, **options: _run(*words, env=environment, **options)


def _run(*words: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    settings: dict[str, object] = {"capture_output": True, "text": True, "timeout": 500} | options
    return subprocess.run(command, check=False, **settings)  # type: ignore[call-overload,no-any-return]
