"""`dpa pretrain` and `dpa finetune`, and training without the command line's libraries."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from small_encoder import KNOWN_HERE, SMALL_ENCODER

CHANGES = [f"changes.encoder={SMALL_ENCODER}", "changes.dim=16", "changes.width=16", "changes.size=64"]
SMALL = [*CHANGES, "workers=0", "threads=1"]
SHORT = ["iterations=1", "groups=2", "sizes=[[64,64]]", "warmup=0"]
# What a machine that only trains need not have.
NOT_NEEDED = ("av", "omegaconf", "typer", "rich", "onnxruntime", "lightning_fabric", "tensorboard")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 20:44] = 255
    for folder in ("stills", "videos"):
        for i in range(3):
            for kind in ("RGB", "GT", "FLOW"):
                (tmp_path / folder / kind).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(tmp_path / folder / kind / f"box_{i:05d}.png"), mask)
    return tmp_path


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    import timm
    from safetensors.torch import save_file

    net = timm.create_model(SMALL_ENCODER, pretrained=False, num_classes=0)
    tensors = {k: v for k, v in net.state_dict().items() if v.is_floating_point()}
    save_file(tensors, tmp_path / "encoder.safetensors")
    return tmp_path / "encoder.safetensors"


@pytest.mark.slow
def test_both_stages_with_overrides(command, data: Path, encoder: Path) -> None:
    where = [f"data.stills={data / 'stills'}", f"data.videos={data / 'videos'}"]
    one = [f"pretrain.{word}" for word in SHORT]
    two = [f"finetune.{word}" for word in SHORT]
    code, out, err = command(
        "pretrain", "mobile", *where, *SMALL, *one, f"encoder_weights={encoder}", "-o", data / "one"
    )
    assert (code, err) == (0, "")
    assert "iteration 1/1 loss" in out
    stage1 = ("--stage1", data / "one" / "last")
    code, _, err = command("finetune", "mobile", *where, *SMALL, *two, *stage1, "-o", data / "two")
    assert (code, err) == (0, "")
    written = json.loads((data / "two" / "run.json").read_text())["settings"]
    assert written["finetune"]["iterations"] == 1
    assert written["changes"]["dim"] == 16
    code, _, err = command("finetune", "mobile", *where, *SMALL, *two, "-o", data / "two", "--resume")
    assert (code, err) == (0, "")
    for path in (data / "one" / "last", data / "two" / "last"):
        assert (path / "model.safetensors").exists()


WRONG = {
    "unknown settings": (["pretrain", "mobil"], "no settings are called 'mobil'; did you mean 'mobile'?"),
    "unknown key": (["pretrain", "mobile", "data.still=x"], "did you mean 'data.stills'?"),
    "wrong type": (["pretrain", "mobile", "pretrain.iterations=many"], "pretrain.iterations"),
    "no stills": (["pretrain", "mobile"], "set data.stills=FOLDER"),
    "no videos": (["finetune", "mobile", "--stage1", "x"], "set data.videos=FOLDER"),
    "no stage 1": (["finetune", "mobile", "data.videos=x"], "--stage1 FOLDER"),
    "no such stage 1": (["finetune", "mobile", "data.videos=x", "--stage1", "nowhere"], "nowhere"),
    "unknown network": (["pretrain", "mobile", "model=dpa-mobil", "data.stills=x"], "'dpa-mobile'"),
    "unknown change": (["pretrain", "mobile", "changes.dims=3", "data.stills=x"], "did you mean 'dim'?"),
    "no checkpoint": (["finetune", "mobile", "data.videos=videos", "--resume"], "no checkpoint to resume"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(
    command, data: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(data)
    words, message = WRONG[case]
    code, out, err = command(*words)
    assert code == 1
    assert out == ""
    assert message in err
    assert err.startswith("dpa: ")
    assert err.count("\n") == 1
    assert not (data / "runs").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_picture_is_named(command, data: Path, encoder: Path, workers: int) -> None:
    for path in (data / "stills" / "RGB").iterdir():
        path.write_bytes(b"no picture")
    words = [f"data.stills={data / 'stills'}", *SMALL, f"workers={workers}", f"encoder_weights={encoder}"]
    code, _, err = command("pretrain", "mobile", *words, "-o", data / "out")
    assert code == 1
    assert "cannot be read as a picture" in err
    assert "box_0000" in err
    assert "Traceback" not in err


TRAIN = """
import sys
for name in {not_needed}:
    sys.modules[name] = None
{known}
from pathlib import Path
from dpa.train.settings import DataSettings, StageSettings, TrainSettings
from dpa.train.stages import finetune, pretrain
data = Path({data!r})
stage = StageSettings(iterations=1, groups=2, views=2, shared=True, still_share=0.5, sizes=[[64, 64]])
settings = TrainSettings(
    model="dpa-mobile", changes=dict(encoder={small!r}, dim=16, width=16, size=64),
    encoder_weights={encoder!r},
    data=DataSettings(*(str(data / k) for k in ("stills", "videos", "videos"))),
    pretrain=stage, finetune=stage, workers=0, threads=1,
)
pretrain(settings, data / "one")
finetune(settings, data / "two", data / "one" / "best")
"""


def test_training_needs_no_video_library_and_no_command_line(python, data: Path, encoder: Path) -> None:
    names = {"not_needed": NOT_NEEDED, "known": KNOWN_HERE, "small": SMALL_ENCODER}
    done = python("-c", TRAIN.format(data=str(data), encoder=str(encoder), **names))
    assert done.returncode == 0, done.stderr
    assert (data / "two" / "best" / "model.safetensors").exists()
