"""A server that listens on this machine, and browsers' sessions with it."""

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from web_samples import Client, ended, running, upload

from dpa.model.config import DPAConfig
from dpa.web.settings import WebSettings
from dpa.web.work import Order
from engine_samples import make_clip

REAL = ("film.mp4", "dog.mp4")
"""Videos that the default network segments; others are segmented by `red`."""


@pytest.fixture(scope="session")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network to which red is the object."""
    pytest.importorskip("onnx")
    from onnx_samples import red_graph

    return red_graph(tmp_path_factory.mktemp("red") / "model.onnx", DPAConfig(dim=16, size=64))


@pytest.fixture(scope="session", autouse=True)
def quick(red: Path) -> Iterator[None]:
    """The servers of the tests have a small network, and begin processes from one that has all imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dpa.web.work", "dpa.web.view", "dpa.web.follow"])

    def order(name: str, source: str, out: str, kind: str, settings: dict[str, Any], *more: Any) -> Order:
        return Order(
            name, source, out, kind, ({} if name in REAL else {"weights": str(red)}) | settings, *more
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dpa.web.child.multiprocessing", SimpleNamespace(get_context=lambda _: context))
        patch.setattr("dpa.web.jobs.Order", order)
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of the tests keeps its files."""
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    """One server for all tests that do not need another."""
    pytest.importorskip("gradio")
    with running(WebSettings(port=0, folder=folder, max_size=20_000_000, max_minutes=1)) as address:
        yield address


@pytest.fixture(scope="session")
def session(address: str) -> Iterator[Client]:
    """A visitor of the server."""
    import httpx

    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


@pytest.fixture
def other(address: str) -> Iterator[Client]:
    """Another visitor."""
    import httpx

    with httpx.Client(base_url=address, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of a bright square that moves, 8 frames."""
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mkv", 8)


@pytest.fixture(scope="session")
def real_masks(clip: Path, red: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """What `dpa segment` makes of the clip."""
    from dpa.engine.segmenter import Segmenter

    def make(name: str, kind: str, **settings: Any) -> Path:
        out = tmp_path_factory.mktemp("segment") / name
        Segmenter(weights=red, **settings).write(clip, [(out, kind)])
        return out

    return make


@pytest.fixture(scope="session")
def done(session: Client, clip: Path) -> dict[str, Any]:
    """The clip, segmented for the session. Not to be corrected or removed."""
    video = upload(session, clip)
    assert ended(session, video)["state"] == "done"
    return video
