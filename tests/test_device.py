"""dpa.device: what is asked for by name is there or is an error."""

import sys
from importlib.util import find_spec

import pytest

from dpa import device
from dpa.errors import DPAError, InputError, MissingExtra


def _without_torch(name: str) -> object:
    return None if name == "torch" else find_spec(name)


def test_cpu_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would raise
    assert device.pick_device("cpu") == "cpu"


@pytest.mark.parametrize("request_", ["gpu", "cuda:", "cuda:x", "CUDA", "", "cpu:0"])
def test_unknown_device(request_: str) -> None:
    with pytest.raises(InputError, match="use auto, cpu, cuda"):
        device.pick_device(request_)


def test_auto_without_torch_is_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", _without_torch)
    assert device.pick_device("auto") == "cpu"


def test_auto_without_a_driver_imports_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(device, "find_spec", lambda name: object())
    monkeypatch.setattr(device, "_driver_present", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert device.pick_device("auto") == "cpu"


@pytest.mark.parametrize("request_", ["cuda", "cuda:1", "mps"])
def test_named_device_without_torch(request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", _without_torch)
    with pytest.raises(MissingExtra, match=r"dpa-vos\[torch\]"):
        device.pick_device(request_)


def test_cuda_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DPAError, match="--device cuda"):
        device.pick_device("cuda")


def test_cuda_index_beyond_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device.pick_device("cuda:1") == "cuda:1"
    with pytest.raises(DPAError, match="2 CUDA device"):
        device.pick_device("cuda:2")


@pytest.mark.gpu
def test_auto_takes_the_gpu() -> None:
    assert device.pick_device("auto") == "cuda"
