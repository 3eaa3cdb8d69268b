import subprocess
import sys
from pathlib import Path

import pytest

from dpa.errors import InputError
from dpa.flow import estimator as module
from dpa.flow.estimator import choose, make_estimator
from dpa.flow.raft import cached_weights


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub cache, on a machine with torch."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: object())
    folder = cached_weights("small").parent
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_auto_is_dis_without_cuda(cache: Path, device: str) -> None:
    cached_weights("small").touch()
    name, why = choose("auto", device)
    assert name == "dis"
    assert device in why


def test_auto_is_dis_without_weights(cache: Path) -> None:
    name, why = choose("auto", "cuda")
    assert name == "dis"
    assert str(cache) in why


def test_auto_is_dis_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    name, why = choose("auto", "cuda")
    assert name == "dis"
    assert "dpa-vos[torch]" in why


def test_auto_is_the_best_raft_that_is_there(cache: Path) -> None:
    cached_weights("small").touch()
    assert choose("auto", "cuda:1")[0] == "raft-small"
    cached_weights("large").touch()
    assert choose("auto", "cuda:1")[0] == "raft-large"


@pytest.mark.parametrize("name", ["dis", "dis-fast", "dis-ultrafast"])
def test_names_go_round(name: str) -> None:
    assert choose(name)[0] == name
    assert make_estimator(name).name == name


def test_unknown_name() -> None:
    with pytest.raises(InputError, match=r"'farneback'.*dis-fast"):
        make_estimator("farneback")


def test_weights_without_a_network() -> None:
    with pytest.raises(InputError, match=r"raft\.pth: dis has no weights"):
        make_estimator("auto", weights="raft.pth")


@pytest.mark.process
def test_dis_imports_no_torch() -> None:
    code = (
        "import sys; from dpa.flow.estimator import *; make_estimator('auto'); choose('auto', 'cuda');"
        "import dpa.flow.stream, dpa.flow.colour; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=500)
