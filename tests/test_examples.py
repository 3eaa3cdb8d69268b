"""Each public class and function has an example in its docstring, and the examples are run as they stand."""

import doctest
import inspect
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import graph_samples
import numpy as np
import pytest
from archive_samples import save

from engine_samples import FakeBackend, image, make_clip, make_cut_clip, truth

PACKAGES = ("dpa", "dpa.datasets", "dpa.engine", "dpa.evaluate", "dpa.export", "dpa.flow", "dpa.train")
MODULES = ("dpa.datasets.naming", "dpa.engine.results", "dpa.engine.segmenter", "dpa.video.read")
"""Whose other examples are run too, those of methods for instance."""
SLOW = {"export_int8", "export_onnx", "finetune", "pretrain"}


@dataclass(frozen=True)
class Public:
    """A class or function by the name that users import."""

    package: str
    name: str

    def __str__(self) -> str:
        return f"{self.package}.{self.name}"

    def get(self) -> object:
        return getattr(import_module(self.package), self.name)


def public() -> list[Any]:
    found = {}
    for package in PACKAGES:
        for name in import_module(package).__all__:
            one = Public(package, name)
            if inspect.isclass(one.get()) or inspect.isfunction(one.get()):
                found.setdefault(one.get(), one)
    slow = {True: (pytest.mark.slow,), False: ()}
    return [pytest.param(one, id=str(one), marks=slow[one.name in SLOW]) for one in found.values()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples read, by the names that they give it."""
    from dpa.model.config import named_config
    from dpa.model.dpa import DPA

    root = tmp_path_factory.mktemp("made")
    make_clip(root / "clip.mkv", 3).rename(root / "in.mp4")
    make_cut_clip(root / "cut.mp4")
    for index in range(4):
        mask = 255 * truth(index).astype(np.uint8)
        for sequence in ("bear", "cow"):
            name = f"{sequence}_{index:05d}.png"
            for kind, picture in (("RGB", image(index)), ("GT", mask), ("FLOW", image(3 - index))):
                save(root / "VIDEOS" / sequence / kind / name, picture)
            save(root / "masks" / sequence / name, mask)
        for kind, picture in (("RGB", image(index)), ("GT", mask)):
            save(root / "STILLS" / kind / f"{index}.png", picture)
    stage1 = named_config("dpa-mobile", motion=False, ifa=False, dim=32, width=16)
    DPA(stage1).save_pretrained(root / "runs/pretrain/last")
    graph_samples.rounded().save_pretrained(root / "runs/mobile")
    return root


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def run(test: doctest.DocTest) -> int:
    """Run a docstring's examples; how many there are."""
    told: list[str] = []
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    done = doctest.DocTestRunner(optionflags=options).run(test, out=told.append)
    assert done.failed == 0, "".join(told)
    return done.attempted


@pytest.mark.parametrize("one", public())
def test_what_is_public_has_an_example(one: Public, place: Path, request: pytest.FixtureRequest) -> None:
    if one.name in ("export_int8", "export_onnx"):
        request.getfixturevalue("traced_once")
    if one.name != "export_int8":  # it asks the network for its inputs
        request.getfixturevalue("backend")
    thing = one.get()
    names = vars(import_module(thing.__module__)) | {"np": np, "Path": Path}
    (test,) = doctest.DocTestFinder(recurse=False).find(thing, str(one), globs=names)
    assert run(test) > 0


@pytest.mark.parametrize("name", MODULES)
def test_further_examples(name: str, place: Path, backend: FakeBackend) -> None:
    tests = doctest.DocTestFinder().find(import_module(name), extraglobs={"np": np})
    assert sum(map(run, tests)) > 0
