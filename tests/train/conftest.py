"""A tiny data set in METHOD's layout, and settings with which a CPU trains on it in seconds."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

SIDE = 64


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """stills/, videos/ (flat, with flow) and validation/SEQUENCE/: bright shapes that move over noise."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for i in range(4):
        _write(root / "stills", f"still_{i}", _frame(rng, *rng.integers(16, 48, 2)))
    for name, step in (("left", -3), ("right", 3)):
        for i in range(5):
            _write(root / "videos", f"{name}_{i:05d}", _frame(rng, 32 + step * i, 30), flow=step)
    for i in range(4):
        _write(root / "validation" / "across", f"across_{i:05d}", _frame(rng, 20 + 6 * i, 34))
    return root


def _frame(rng: np.random.Generator, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    image = rng.integers(0, 90, (SIDE, SIDE, 3)).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, (int(x), int(y)), 13, 255, -1)
    image[mask > 0] = (60, 220, 240)
    return image, mask


def _write(root: Path, stem: str, made: tuple[np.ndarray, np.ndarray], flow: int = 0) -> None:
    pictures = {"RGB": made[0], "GT": made[1]}
    if flow:
        moving = (255, 0, 0) if flow > 0 else (0, 255, 255)
        pictures["FLOW"] = np.where(made[1][..., None] > 0, np.uint8(moving), np.uint8(255))
    for kind, picture in pictures.items():
        (root / kind).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / kind / f"{stem}.png"), picture)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the small encoder, in timm's names."""
    import timm
    import torch
    from safetensors.torch import save_file

    from small_encoder import SMALL_ENCODER

    torch.manual_seed(0)
    net = timm.create_model(SMALL_ENCODER, pretrained=False, num_classes=0)
    path = tmp_path_factory.mktemp("encoder") / "encoder.safetensors"
    save_file({k: v for k, v in net.state_dict().items() if v.is_floating_point()}, path)
    return path


@pytest.fixture
def make_settings(data: Path, encoder: Path) -> Any:
    """`make_settings(workers=1, pretrain={"iterations": 3})`: small settings, with changes."""
    from dpa.train.data.augment import AugmentSettings
    from dpa.train.settings import DataSettings, StageSettings, TrainSettings
    from small_encoder import SMALL_ENCODER

    def make(*, pretrain: dict | None = None, finetune: dict | None = None, **changes: Any) -> TrainSettings:
        common = {"iterations": 4, "sizes": [[64, 64], [64, 96]], "lr": 1e-3, "ema": 0.5, "clip": 5.0}
        both = {"groups": 2, "views": 2, "shared": True, "still_share": 0.5}
        values: dict[str, Any] = {
            "model": "dpa-mobile",
            "changes": {"encoder": SMALL_ENCODER, "dim": 16, "width": 16, "size": 64},
            "encoder_weights": str(encoder),
            "data": DataSettings(*(str(data / k) for k in ("stills", "videos", "validation"))),
            "augment": AugmentSettings(border=4),
            "pretrain": StageSettings(**common | {"groups": 3} | (pretrain or {})),
            "finetune": StageSettings(**common | both | (finetune or {})),
            "workers": 0,
        }
        return TrainSettings(**values | changes)

    return make
