"""The two stages of the training: stills, then videos (paper, section 4.2)."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from dpa.datasets.held_out import is_held_out
from dpa.datasets.layout import find_sequences, find_still_flows, find_stills
from dpa.errors import InputError, WeightsError
from dpa.files import make_folder, write_whole
from dpa.model.config import named_config
from dpa.model.dpa import DPA
from dpa.model.encoder import Encoder, build_encoder
from dpa.model.pretrained import read_safetensors
from dpa.train.checkpoint import NAME as CHECKPOINT
from dpa.train.data.batches import Batches
from dpa.train.devices import make_fabric
from dpa.train.loop import Trainer
from dpa.train.record import NAME as RECORD
from dpa.train.record import check_same, list_pictures, make_record, of_stills, of_videos
from dpa.train.report import LOG, SKIPPED, VALIDATION, Reporter, make_reporters
from dpa.train.settings import RANDOM, StageSettings, TrainSettings


def pretrain(
    settings: TrainSettings,
    folder: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    reporters: Sequence[Reporter] = (),
) -> DPA:
    """Stage 1: the appearance stream on stills; IMA without the other modality, no IFA.

    Args:
        settings: of the run.
        folder: for checkpoints, `log.csv` and the weights (`best/`, `last/`).
        resume: go on from the folder's checkpoint.
        overwrite: replace a run that the folder holds.
        device: "cpu", "cuda", "cuda:INDEX" or "mps".
        reporters: told of the run as it goes on; without any, the log "dpa.train" is.

    Raises:
        InputError: no stills given, or files that cannot be read.

    Example:
        >>> from dpa.train import DataSettings, StageSettings, TrainSettings
        >>> small = StageSettings(iterations=1, groups=2, views=2, sizes=[(64, 64)])
        >>> settings = TrainSettings(
        ...     model="dpa-mobile",
        ...     changes={"dim": 32, "width": 16},
        ...     encoder_weights="random",
        ...     workers=0,
        ...     data=DataSettings(stills="STILLS"),
        ...     pretrain=small,
        ... )
        >>> pretrain(settings, Path("runs/one")).config.motion
        False
    """
    if settings.data.stills is None:
        raise InputError("stage 1 trains on stills: set data.stills=FOLDER")
    settings.check()
    settings.pretrain.check("pretrain", references=False)
    torch.manual_seed(settings.seed)
    config = replace(named_config(settings.model, **settings.changes), motion=False, ifa=False)
    given = settings.encoder_weights
    model = DPA(config, pretrained=given is None and not resume)
    if given is not None and given != RANDOM and not resume:
        weights = read_safetensors(Path(given))
        encoder = build_encoder(config.encoder, folded=config.folded, weights=weights)
        model.encoders[0].load_state_dict(encoder.state_dict())
    return _run(
        model,
        settings,
        settings.pretrain,
        folder,
        device,
        resume=resume,
        overwrite=overwrite,
        reporters=reporters,
    )


def finetune(
    settings: TrainSettings,
    folder: Path,
    stage1: str | Path | None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    reporters: Sequence[Reporter] = (),
) -> DPA:
    """Stage 2: the whole network on videos, with stills and synthetic flow beside them if asked.

    Args:
        settings: of the run.
        folder: for checkpoints, `log.csv` and the weights (`best/`, `last/`).
        stage1: weights of stage 1, or of a whole network to go on with: a folder, or a name (`dpa models`);
            not needed to resume.
        resume: go on from the folder's checkpoint.
        overwrite: replace a run that the folder holds.
        device: "cpu", "cuda", "cuda:INDEX" or "mps".
        reporters: told of the run as it goes on; without any, the log "dpa.train" is.

    Raises:
        InputError: no data or stage-1 weights given, or files that cannot be read.
        WeightsError: the stage-1 weights are of another network.

    Example:
        >>> from dpa.train import DataSettings, StageSettings, TrainSettings
        >>> small = StageSettings(iterations=1, groups=2, views=2, sizes=[(64, 64)])
        >>> settings = TrainSettings(
        ...     model="dpa-mobile",
        ...     changes={"dim": 32, "width": 16},
        ...     encoder_weights="random",
        ...     workers=0,
        ...     data=DataSettings(videos="VIDEOS"),
        ...     finetune=small,
        ... )
        >>> model = finetune(settings, Path("runs/two"), stage1=Path("runs/pretrain/last"))
        >>> model.config.motion, Path("runs/two/last/model.safetensors").is_file()
        (True, True)
    """
    d, share = settings.data, settings.finetune.still_share
    if d.videos is None and (d.stills is None or share == 0):
        raise InputError(
            "stage 2 trains on videos: set data.videos=FOLDER "
            "(or data.stills=FOLDER with finetune.still_share above 0)"
        )
    if stage1 is None and not resume:
        raise InputError("stage 2 starts from stage 1: give its weights, `--stage1 FOLDER`")
    config = named_config(settings.model, **settings.changes)
    settings.check()
    settings.finetune.check("finetune", references=config.ifa)
    torch.manual_seed(settings.seed)
    model = DPA(config)
    if stage1 is not None and not resume:
        into_both_streams(DPA.from_pretrained(stage1), model)
    return _run(
        model,
        settings,
        settings.finetune,
        folder,
        device,
        resume=resume,
        overwrite=overwrite,
        reporters=reporters,
    )


def into_both_streams(source: DPA, target: DPA) -> list[str]:
    """Start the target from the source; the motion stream from the appearance stream's weights.

    Args:
        source: a stage-1 network, or a whole one.
        target: changed in place.

    Returns:
        Names of what the source has not, IFA, the exchange between the modalities, the fusion of two
        streams and what DINOv2's features go through: they keep their fresh values.

    Raises:
        WeightsError: the source is another network: a tensor is missing or has another shape.
    """
    own = target.state_dict()
    given = source.state_dict()
    taken: dict[str, Tensor] = {}
    for name, tensor in own.items():
        # Lists over the streams have their index in the name: "encoders.1.", "ima4.refine.1.", ...
        origin = next((n for n in (name, _appearance_name(name)) if n in given), None)
        if origin is not None and given[origin].shape == tensor.shape:
            taken[name] = given[origin]
        elif origin is not None or not name.startswith(_NEW):
            found = f"{tuple(given[origin].shape)}, not {tuple(tensor.shape)}" if origin else "missing"
            raise WeightsError(f"the weights of stage 1 do not fit this network: {name} is {found}")
    target.load_state_dict(taken, strict=False)
    return sorted(set(own) - set(taken))


_PER_STREAM = (
    "encoders.",
    "squeeze4.",
    "squeeze5.",
    "ima4.refine.",
    "ima4.fuse.",
    "ima5.refine.",
    "ima5.fuse.",
    "decoder.level6.",
    "decoder.level5.",
    "decoder.level4.",
)
# What stage 1 has not.
_NEW = ("ima4.exchange.", "ima5.exchange.", "ifa.", "join5.", "decoder.fuse.", "adapter.")


def _appearance_name(name: str) -> str:
    for prefix in _PER_STREAM:
        if name.startswith(f"{prefix}1."):
            return f"{prefix}0.{name[len(prefix) + 2 :]}"
    return name


def _run(
    model: DPA,
    settings: TrainSettings,
    stage: StageSettings,
    folder: Path,
    device: str,
    *,
    resume: bool,
    overwrite: bool,
    reporters: Sequence[Reporter],
) -> DPA:
    if resume and overwrite:
        raise InputError("--resume goes on with a run, --overwrite replaces it: give one of the two")
    if not resume and not overwrite and (folder / CHECKPOINT).exists():
        raise InputError(
            f"{folder}: holds a run already; go on with --resume, or replace it with --overwrite"
        )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    d, videos = settings.data, stage is settings.finetune
    teacher = _teacher(stage, model)
    dinov2 = model.config.dinov2 or (teacher is not None and teacher.config.dinov2)
    batches = make_batches(settings, stage, videos=videos, motion=model.config.motion, dinov2=dinov2)
    validation = find_sequences(settings.data.validation, masks=True) if settings.data.validation else []
    if stage.epochs:
        stage = replace(stage, iterations=math.ceil(stage.epochs * batches.epoch))
    data = {
        "stills": of_stills(batches.stills),
        "videos": of_videos(batches.videos),
        "validation": of_videos(validation),
    }
    record = make_record(settings, "finetune" if videos else "pretrain", stage.iterations, data, device)
    if resume:
        check_same(folder, record)
    fabric = make_fabric(device, settings.devices, settings.nodes, settings.precision)
    trainer = Trainer(
        model,
        stage,
        batches,
        validation,
        folder,
        fabric,
        teacher=teacher,
        compiled=settings.compile,
        record=json.dumps(record, indent=2) + "\n",
        pictures=list_pictures((d.stills, d.videos, d.extra), batches.stills, batches.videos),
    )
    if resume:
        trainer.resume()
    told: Sequence[Reporter] = ()
    if fabric.is_global_zero:
        if overwrite:
            _clear(folder)
        make_folder(folder)
        write_whole(folder / RECORD, trainer.record.encode())
        told = make_reporters(folder, trainer.iteration, reporters)
    fabric.barrier()
    return trainer.fit(
        told,
        workers=settings.workers,
        save_minutes=settings.save_minutes,
        validate_every=math.ceil(settings.validate_epochs * batches.epoch) or settings.validate_every,
        validate_stride=settings.validate_stride,
    )


def _teacher(stage: StageSettings, model: DPA) -> DPA | None:
    """The network that a stage learns from beside the masks.

    Raises:
        InputError: it cannot teach this one.
        WeightsError: its weights cannot be read.
    """
    if stage.teacher is None:
        return None
    teacher = DPA.from_pretrained(stage.teacher)
    if teacher.config.motion != model.config.motion:
        raise InputError(
            f"the teacher {stage.teacher} and the network must both have a motion stream, or none"
        )
    if teacher.config.ifa != model.config.ifa and not stage.shared:
        raise InputError(
            f"of the teacher {stage.teacher} and the network one reads references (IFA): "
            "set shared=true, so that all views are queries for both"
        )
    own, given = (cast(Encoder, net.encoders[0]).channels[-2] for net in (model, teacher))
    if stage.teacher_features and own != given:
        raise InputError(
            f"stage 4 has {given} channels in the teacher {stage.teacher} and {own} in the network: "
            "set teacher_features=0, or choose another teacher"
        )
    return teacher


def _clear(folder: Path) -> None:
    """Remove what an earlier run has left, and nothing else."""
    for name in ("best", "last", "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (CHECKPOINT, RECORD, LOG, VALIDATION, SKIPPED):
        (folder / name).unlink(missing_ok=True)


def make_batches(
    settings: TrainSettings,
    stage: StageSettings,
    *,
    videos: bool = True,
    motion: bool = True,
    dinov2: bool = False,
) -> Batches:
    """The training batches of a stage, from the data that the settings name.

    Args:
        settings: of the run.
        stage: one of its two.
        videos: stage 2: the videos' frames too.
        motion: with flow pictures.
        dinov2: with DINOv2's features of the pictures.

    Raises:
        InputError: data that are missing.
    """
    d = settings.data
    need_stills = not videos or stage.still_share > 0 or (stage.paste > 0 and motion)
    found = find_stills(d.stills) if d.stills and need_stills else []
    flows = find_still_flows(d.stills, found) if d.stills and videos else [None] * len(found)
    kept = [
        (still, flow)
        for still, flow in zip(found, flows, strict=True)
        if not is_held_out(still[0].stem, d.held_out)
    ]
    if found and not kept:
        raise InputError(f"data.held_out={d.held_out} leaves no still of {d.stills} to train on: raise it")
    stills = [still for still, _ in kept]
    return Batches(
        stills,
        find_sequences(d.videos, masks=True, flows=motion) if d.videos and videos else [],
        find_sequences(d.extra, masks=True, flows=motion) if d.extra and videos else [],
        groups=stage.groups,
        views=stage.views,
        distinct=stage.shared,
        share=stage.still_share if videos else 1.0,
        paste=stage.paste,
        bars=stage.bars,
        crowd=stage.crowd,
        estimated=stage.estimated,
        sizes=[(h, w) for h, w in stage.sizes],
        motion=motion,
        still_flows=[flow for _, flow in kept],
        lost=stage.lost if videos else 0.0,
        frame_flow=stage.frame_flow if videos else 0.0,
        borders=bool(stage.bce and stage.boundary),
        dinov2=dinov2,
        settings=settings.augment,
        seed=settings.seed,
        cache=int(d.cache * 2**30),
    )
