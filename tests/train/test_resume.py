"""A run that was stopped, however, ends with bitwise the weights of an unbroken one."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from dpa.errors import InputError
from dpa.model.dpa import DPA
from dpa.train.loop import Trainer
from dpa.train.settings import DataSettings
from dpa.train.stages import finetune, pretrain
from small_encoder import KNOWN_HERE, SMALL_ENCODER

pytestmark = pytest.mark.slow


class Stopped(Exception):
    pass


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stop runs after so many iterations, 0: never."""
    limit = [0]
    real = Trainer._step

    def step(self: Trainer, parts: Any) -> torch.Tensor:
        if limit[0] and self.iteration == limit[0]:
            raise Stopped
        return real(self, parts)

    monkeypatch.setattr(Trainer, "_step", step)
    return lambda iterations: limit.__setitem__(0, iterations)


def _same(a: Path, b: Path) -> None:
    first, second = (torch.load(f / "checkpoint.pt", weights_only=True) for f in (a, b))
    assert first["iteration"] == second["iteration"]
    for part in ("model", "ema"):
        for name, tensor in first[part].items():
            assert torch.equal(tensor, second[part][name]), f"{part} {name}"
    assert (a / "last" / "model.safetensors").read_bytes() == (b / "last" / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def stage1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stage 2 starts from."""
    torch.manual_seed(1)
    changes = {"encoder": SMALL_ENCODER, "dim": 16, "width": 16}
    folder = tmp_path_factory.mktemp("stage1")
    DPA("dpa-mobile", motion=False, ifa=False, **changes).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("stage", "workers"), [(pretrain, 0), (finetune, 0), (finetune, 1)])
def test_a_stage_bitwise(
    make_settings: Any, tmp_path: Path, stage1: Path, stop_after: Any, stage: Any, workers: int
) -> None:
    short = {"iterations": 3}
    settings = make_settings(workers=workers, save_minutes=0, pretrain=short, finetune=short)
    given = (stage1,) if stage is finetune else ()
    stage(settings, tmp_path / "whole", *given)
    stop_after(2)
    with pytest.raises(Stopped):
        stage(settings, tmp_path / "broken", *given)
    stop_after(0)
    stage(settings, tmp_path / "broken", *given, resume=True)
    _same(tmp_path / "whole", tmp_path / "broken")


RUN = f"""{KNOWN_HERE}
import pickle, sys
from pathlib import Path
import torch
from dpa.train.stages import pretrain
torch.set_num_threads(1)
settings = pickle.loads(Path(sys.argv[1]).read_bytes())
pretrain(settings, Path(sys.argv[2]))
"""


@pytest.mark.process
def test_kill_9(make_settings: Any, tmp_path: Path) -> None:
    settings = make_settings(workers=1, save_minutes=0, pretrain={"iterations": 8})
    (tmp_path / "settings").write_bytes(pickle.dumps(settings))
    command = [sys.executable, "-c", RUN, str(tmp_path / "settings")]
    broken, log = tmp_path / "broken", tmp_path / "out.txt"
    with log.open("w") as out:
        child = subprocess.Popen([*command, broken], stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + 200
        while not (broken / "checkpoint.pt").exists() and child.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert child.poll() is None, log.read_text()
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert torch.load(broken / "checkpoint.pt", weights_only=True)["iteration"] < 8
    pretrain(settings, broken, resume=True)
    pretrain(settings, tmp_path / "whole")
    _same(broken, tmp_path / "whole")
    assert not list(broken.glob(".*part*")), "what the kill left is cleaned up by the next checkpoint"


def test_a_finished_run_resumed_is_as_it_was(make_settings: Any, tmp_path: Path) -> None:
    settings = make_settings(pretrain={"iterations": 2})
    pretrain(settings, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    pretrain(settings, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_resume_with_other_settings_is_an_error(make_settings: Any, tmp_path: Path) -> None:
    pretrain(make_settings(pretrain={"iterations": 1, "ema": 0.0}), tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    others = {
        r"pretrain\.ema, pretrain\.iterations": make_settings(),
        "seed": make_settings(seed=3, pretrain={"iterations": 1, "ema": 0.0}),
    }
    for named, other in others.items():
        with pytest.raises(InputError, match=f"other settings: {named} differ"):
            pretrain(other, tmp_path / "run", resume=True)
    (tmp_path / "run" / "run.json").unlink()  # the checkpoint itself does not fit either
    with pytest.raises(InputError, match="other settings"):
        pretrain(make_settings(), tmp_path / "run", resume=True)
    (tmp_path / "run" / "run.json").write_bytes(before)
    # Of the other stage everything may change.
    alone = {"pretrain": {"iterations": 1, "ema": 0.0}, "finetune": {"lr": 0.5}}
    free = make_settings(workers=1, threads=1, save_minutes=1, **alone)
    pretrain(free, tmp_path / "run", resume=True)


def test_resume_with_other_data_is_an_error(make_settings: Any, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "stills", tmp_path / "stills")
    settings = make_settings(data=DataSettings(str(tmp_path / "stills")), pretrain={"iterations": 1})
    pretrain(settings, tmp_path / "run")
    for kind in ("RGB", "GT"):
        shutil.copy(tmp_path / "stills" / kind / "still_0.png", tmp_path / "stills" / kind / "more.png")
    with pytest.raises(InputError, match="the data are not those"):
        pretrain(settings, tmp_path / "run", resume=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_first(
    make_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    settings = make_settings(save_minutes=60)
    pretrain(settings, tmp_path / "whole")
    real = Trainer._step

    def step(self: Trainer, parts: Any) -> torch.Tensor:
        if self.iteration == 1:
            os.kill(os.getpid(), number)
        return real(self, parts)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", step)
        with pytest.raises(KeyboardInterrupt):
            pretrain(settings, tmp_path / "broken")
    assert torch.load(tmp_path / "broken" / "checkpoint.pt", weights_only=True)["iteration"] == 2
    pretrain(settings, tmp_path / "broken", resume=True)
    _same(tmp_path / "broken", tmp_path / "whole")


def test_resume_where_nothing_is(make_settings: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint to resume from"):
        pretrain(make_settings(), tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()
