"""The authors' own checkpoint as weights of ours: which tensor of theirs goes where.

The names and shapes are facts of the files that the release's training writes
(github.com/Hydragon516/DPA); its code has no licence and nothing of it is here.
"""

import pickle
import re
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from dpa.errors import WeightsError
from dpa.model.config import DPAConfig, named_config
from dpa.model.dpa import DPA
from dpa.model.pretrained import Unfilled

_STREAMS = ("rgb", "flow")
_ATTENTION = {"norm": "bn_relu.0", "query": "theta", "key": "phi", "value": "g", "back": "W"}
_ASPP = {"0": "1x1_1", "1": "3x3_1", "2": "3x3_2", "3": "3x3_3", "pool": "1x1_2", "project": "1x1_3"}
_LEVEL6 = {"1": "1", "2.0": "2", "2.1": "3", "3.0": "5", "3.1": "6"}
_RESIDUAL = {
    "body.0.0": "conv1.0",
    "body.0.1": "conv1.1",
    "body.1": "conv1.3",
    "out.0": "conv2.0",
    "out.1": "conv2.1",
}
_REFINEMENT = {
    "squeeze": "cmprs",
    "body.0.0": "merge_conv.0",
    "body.0.1": "merge_conv.1",
    "body.1.0": "merge_conv.3",
    "body.1.1": "merge_conv.4",
    "predict": "pred.pred.0",
}
# Of each VGG-16 stage: the index of its first convolution in torchvision's list of layers.
_VGG = (0, 5, 10, 17, 24)

# Modules of ours, without .weight and .bias, and how each is called in the release: the pattern's groups are
# the function's arguments.
_RULES = (
    (
        r"encoders\.(\d)\.stages\.(\d)\.(\d)",
        lambda s, stage, i: f"{_stream(s)}_encoder.vgg.{_VGG[int(stage)] + int(i) - (stage != '0')}",
    ),
    (r"squeeze(\d)\.(\d)", lambda level, s: f"{_stream(s)}_sq{level}.0"),
    (
        r"ima(\d)\.refine\.(\d)\.attention\.(\w+)",
        lambda level, s, part: f"DAM{level}.{_stream(s)}_OCR.GAN.TF.{_ATTENTION[part]}",
    ),
    (
        r"ima(\d)\.refine\.(\d)\.graph\.(\d)(\.norm)?",
        lambda level, s, i, norm: f"DAM{level}.{_stream(s)}_OCR.GAN.conv{int(i) + 1}.{1 if norm else 0}",
    ),
    (
        r"ima(\d)\.exchange\.(\d)\.(\w+)",
        lambda level, i, part: f"DAM{level}.CCM.can{int(i) + 1}.{_ATTENTION[part]}",
    ),
    (r"ima(\d)\.fuse\.(\d)\.(\d)", lambda level, s, i: f"DAM{level}.{_stream(s)}_fusion.{i}"),
    (r"ifa\.(\d)\.(key|value)", lambda s, part: f"{_stream(s)}_TAM.{part[0].upper()}"),
    (r"ifa\.(\d)\.fuse\.(\d)", lambda s, i: f"{_stream(s)}_TAM.fusion.{i}"),
    (r"join5\.(\d)", lambda s: f"{_stream(s)}_fuse5.0"),
    (r"decoder\.level([45])\.(\d)", lambda level, s: f"{_stream(s)}_COMP{level}.0"),
    (r"decoder\.level6\.(\d)\.body\.([123](?:\.\d)?)", lambda s, i: f"{_stream(s)}_COMP6.{_LEVEL6[i]}"),
    (
        r"decoder\.level6\.(\d)\.body\.4\.(?:branches\.)?(\w+)\.(\d)",
        lambda s, part, i: f"{_stream(s)}_aspp.{'bn_' if i == '1' else ''}conv_{_ASPP[part]}",
    ),
    (r"decoder\.fuse\.(\d)\.(.+)", lambda i, part: f"total_fuse{6 - int(i)}.{_RESIDUAL[part]}"),
    (r"decoder\.merge5\.(.+)", lambda part: f"rgb_merge_co_56.{_RESIDUAL[part]}"),
    (r"decoder\.merge4\.0\.(.+)", lambda part: f"rgb_merge_co_45.0.{_RESIDUAL[part]}"),
    (r"decoder\.merge4\.1", lambda: "rgb_merge_co_45.1"),
    (r"decoder\.predict", lambda: "rgb_get_pred_4.pred.0"),
    (r"decoder\.refine\.(\d)\.(.+)", lambda i, part: f"rgb_refine_{3 - int(i)}.{_REFINEMENT[part]}"),
)
# In the file, but used by no forward pass.
_UNUSED = re.compile(r"DAM[45]\.(rgb|flow)_OCR\.(GAN\.fc|out)\..+")

_OTHER = "not the release's network of stage 2"


def release_config(*, release_way: bool = False) -> DPAConfig:
    """Settings of the network that a checkpoint of the release fits.

    Args:
        release_way: as the release's forward pass is, by which its checkpoints were trained: without IMA, and
            with IFA's values from the prototypes of K. Otherwise the paper's.
    """
    config = named_config("dpa-vgg16")
    return replace(config, ima=False, ifa_value="key") if release_way else config


def import_release(path: Path, *, release_way: bool = False) -> DPA:
    """The network of a checkpoint that the official release's stage 2 wrote.

    Args:
        path: the .pth file: the state dict itself or under "model_state_dict", its names with "module."
            before them or without. Read without unpickling code.
        release_way: see `release_config`.

    Returns:
        In evaluation mode.

    Raises:
        WeightsError: a file that is missing or unreadable, or not of this network: the sentence names the
            first tensor that does not fit.
    """
    given = _read(path)
    with torch.device("meta"):  # names and shapes alone
        full = DPA(release_config())
    wanted = {release_name(name): tensor for name, tensor in full.state_dict().items()}
    for name, tensor in wanted.items():
        if name not in given:
            raise WeightsError(f"{path}: {_OTHER}: {name} is missing")
        if given[name].squeeze().shape != tensor.squeeze().shape:
            found, right = tuple(given[name].shape), tuple(tensor.shape)
            raise WeightsError(f"{path}: {_OTHER}: {name} is {found}, not {right}")
    for name in given:
        if name not in wanted and not _UNUSED.fullmatch(name):
            raise WeightsError(f"{path}: {_OTHER}, which has no {name}")
    with Unfilled():
        model = DPA(release_config(release_way=release_way))
    model.load_state_dict(
        {name: given[release_name(name)].reshape(t.shape) for name, t in model.state_dict().items()}
    )
    return model.eval()


def release_name(name: str) -> str:
    """A tensor's name in the release, from its name in our state dict.

    Raises:
        KeyError: the release has nothing of the kind.
    """
    module, _, tensor = name.rpartition(".")
    for pattern, rename in _RULES:
        if match := re.fullmatch(pattern, module):
            return f"{rename(*match.groups())}.{tensor}"
    raise KeyError(name)


def _stream(index: str) -> str:
    return _STREAMS[int(index)]


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"{path}: not a checkpoint of tensors; the release writes one with torch.save "
            f"({type(error).__name__})"
        ) from error
    if isinstance(found, dict):
        found = found.get("model_state_dict", found)
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) for t in found.values()):
        raise WeightsError(f"{path}: holds no state dict, neither itself nor under model_state_dict")
    return {name.removeprefix("module."): tensor for name, tensor in found.items()}
