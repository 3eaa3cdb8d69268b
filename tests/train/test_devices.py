"""Several processes see one batch between them: the same gradients as one process with all of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from dpa.errors import InputError, MissingExtra
from dpa.train import devices
from dpa.train.devices import OneDevice, make_fabric
from small_encoder import KNOWN_HERE

# One iteration in evaluation mode: batch statistics on a CPU are those of each process.
RUN = """
import pickle
from pathlib import Path
import torch
from dpa.model.dpa import DPA
from dpa.train.devices import make_fabric
from dpa.train.feed import Feed
from dpa.train.loop import Trainer
from dpa.datasets.layout import find_sequences
from dpa.train.stages import make_batches

settings = pickle.loads((folder / "settings").read_bytes())
torch.manual_seed(0)
model = DPA("dpa-mobile", **settings.changes)
fabric = make_fabric("cpu", processes)
batches = make_batches(settings, settings.finetune)
validation = find_sequences(settings.data.validation, masks=True)
trainer = Trainer(model, settings.finetune, batches, validation, folder, fabric)
trainer.model.eval()
trainer.kept.eval()
feed = Feed(batches, 0, 1, settings.finetune.accumulate, fabric.global_rank, fabric.world_size)
trainer.losses = [trainer._step(next(feed.iterations(0, pinned=False)))]
loss = float(fabric.all_reduce(trainer.losses[0], reduce_op="mean"))
scores, _ = trainer._scores(1)
if fabric.is_global_zero:
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert len(gradients) == sum(p.requires_grad for p in model.parameters()), "each one is used"
    torch.save({"loss": loss, "gradients": gradients, "scores": scores}, folder / f"{processes}.pt")
"""
GIVEN = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
folder, processes = Path(sys.argv[1]), int(sys.argv[2])
"""


@pytest.mark.process
@pytest.mark.slow
def test_two_processes_are_one_with_the_joined_batch(make_settings: Any, tmp_path: Path) -> None:
    import pickle

    settings = make_settings(finetune={"groups": 4, "accumulate": 2})
    (tmp_path / "settings").write_bytes(pickle.dumps(settings))
    exec(RUN, {"folder": tmp_path, "processes": 1})
    script = tmp_path / "run.py"
    script.write_text(f"{KNOWN_HERE}{GIVEN}{RUN}")
    command = [sys.executable, str(script), str(tmp_path), "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    one, two = (torch.load(tmp_path / f"{n}.pt", weights_only=True) for n in (1, 2))
    assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
    assert one["scores"] == pytest.approx(two["scores"])
    assert one["gradients"].keys() == two["gradients"].keys()
    assert len(one["gradients"]) > 100
    for name, gradient in one["gradients"].items():
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-6, msg=name)


def test_without_fabric_one_device_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert isinstance(make_fabric("cpu", precision="bf16"), OneDevice)
    for changes in ({"devices": 2}, {"nodes": 2}, {"precision": "16"}):
        with pytest.raises(MissingExtra, match=r"dpa-vos\[torch\]"):
            make_fabric("cpu", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{"devices": 0}, {"nodes": 0}])
def test_impossible_numbers(changes: dict[str, int]) -> None:
    with pytest.raises(InputError, match="devices and nodes must be at least 1"):
        make_fabric("cpu", **changes)  # type: ignore[arg-type]


def test_more_devices_than_there_are() -> None:
    with pytest.raises(InputError, match=r"devices=64: this machine has \d+ CUDA device"):
        make_fabric("cuda", 64)
