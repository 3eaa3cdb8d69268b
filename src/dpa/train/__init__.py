"""The two stages of the training."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.train.settings import DataSettings, StageSettings, TrainSettings
    from dpa.train.stages import finetune, pretrain

__all__ = ["DataSettings", "StageSettings", "TrainSettings", "finetune", "pretrain"]

_HOME = {
    "DataSettings": "settings",
    "StageSettings": "settings",
    "TrainSettings": "settings",
    "finetune": "stages",
    "pretrain": "stages",
}
__getattr__ = lazy(__name__, _HOME)
