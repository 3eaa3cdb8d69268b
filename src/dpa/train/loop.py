"""The training loop, the same for both stages and any number of devices."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dpa.datasets.layout import Sequence as Video
from dpa.errors import DPAError, InputError
from dpa.files import write_whole
from dpa.model.dpa import DPA
from dpa.train.checkpoint import load_checkpoint, save_checkpoint
from dpa.train.data.batches import Batches
from dpa.train.depthwise import fast_depthwise
from dpa.train.devices import OneDevice
from dpa.train.feed import Feed, Part
from dpa.train.interrupt import interrupts
from dpa.train.learner import Learner
from dpa.train.optimiser import make_optimiser, schedule
from dpa.train.record import FILES
from dpa.train.record import NAME as RECORD
from dpa.train.report import Reporter, Row
from dpa.train.settings import StageSettings
from dpa.train.validate import validate

EVERY = 20
"""Iterations between the rows of the log."""
UNREADABLE = 0.01
"""Share of the pictures that may be unreadable."""


class Trainer:
    """Trains a network on batches; keeps checkpoints, reports and the best weights in a folder.

    Args:
        model: the network; trained in place.
        stage: settings.
        batches: by iteration.
        validation: sequences that choose the best weights; may be empty.
        folder: of the run; exists.
        fabric: see `make_fabric`.
        teacher: whose answers are learnt too, see `Learner`; None without one.
        compiled: run the network through torch.compile.
        record: what is saved beside the weights, see `dpa.train.record`.
        pictures: the list of what is trained on, saved likewise.

    Raises:
        InputError: the groups of a batch cannot be divided evenly.
    """

    def __init__(
        self,
        model: DPA,
        stage: StageSettings,
        batches: Batches,
        validation: list[Video],
        folder: Path,
        fabric: Any = None,
        *,
        teacher: DPA | None = None,
        compiled: bool = False,
        record: str = "{}",
        pictures: str = "",
    ) -> None:
        self.fabric: Any = fabric or OneDevice()
        self.stage, self.batches, self.validation = stage, batches, validation
        self.folder, self.record, self.pictures = folder, record, pictures
        parts = stage.accumulate * self.fabric.world_size
        if stage.groups % parts:
            raise InputError(
                f"{stage.groups} groups cannot be divided evenly into {parts} parts (devices, accumulate): "
                "choose another number of groups"
            )
        alone = stage.groups // parts * (stage.views if stage.shared else 1) < 2
        if alone and not stage.freeze_norm:
            raise InputError(
                "a part of the batch is a single picture, too little for batch statistics: use more groups, "
                "fewer devices and parts (accumulate), or freeze_norm=true"
            )
        on_gpu = self.fabric.device.type == "cuda"
        self.model = model.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not on_gpu:
            fast_depthwise(self.model)
        for encoder_stage in list(model.encoders[0].stages)[: stage.freeze]:  # type: ignore[arg-type]
            encoder_stage.requires_grad_(False)
        if teacher is not None:
            teacher = teacher.to(self.fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        learner: nn.Module = Learner(self.model, stage, teacher)
        if on_gpu and self.fabric.world_size > 1:  # batch statistics as one device would see them
            learner = nn.SyncBatchNorm.convert_sync_batchnorm(learner)
        self.ema = (
            AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(stage.ema), use_buffers=True)
            if stage.ema
            else None
        )
        optimiser = make_optimiser(self.model, stage, fused=self.fabric.device.type in ("cpu", "cuda"))
        if compiled:
            learner.compile()
        self.learner: nn.Module
        self.optimiser: Any
        self.learner, self.optimiser = self.fabric.setup(learner, optimiser)
        self.iteration = 0
        self.best = -1.0
        self.losses: list[Tensor] = []
        self.skipped: dict[str, str] = {}
        self.reporters: Sequence[Reporter] = ()

    def resume(self) -> None:
        """Go on from the folder's checkpoint.

        Raises:
            InputError: there is none, it is damaged, or it is of a run with other settings.
        """
        state = load_checkpoint(self.folder)
        try:
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            if self.ema is not None:
                self.ema.load_state_dict(state["ema"])
            self.iteration, self.best = state["iteration"], state["best"]
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.folder}: the checkpoint is of a run with other settings; "
                "resume with those in its run.json"
            ) from error

    def fit(
        self,
        reporters: Sequence[Reporter] = (),
        *,
        workers: int = 1,
        save_minutes: float = 5.0,
        validate_every: int = 0,
        validate_stride: int = 6,
    ) -> DPA:
        """Train to the end. An interrupt saves a checkpoint first.

        Args:
            reporters: of what goes on; closed at the end.
            workers: processes that make batches.
            save_minutes: time between checkpoints.
            validate_every: iterations between validations; 0 for the end only.
            validate_stride: of the validation videos every n-th frame counts.

        Returns:
            The network that is kept: the running mean of the weights if there is one.
        """
        self.reporters = reporters
        saved = since = time.monotonic()
        feed = Feed(
            self.batches,
            self.iteration,
            self.stage.iterations,
            self.stage.accumulate,
            self.fabric.global_rank,
            self.fabric.world_size,
        )
        self.batches.fill_cache()
        self._train_mode()
        with ExitStack() as stack:
            for reporter in reporters:
                stack.callback(reporter.close)
            stopped = stack.enter_context(interrupts())
            for parts in feed.iterations(workers, pinned=self.fabric.device.type == "cuda"):
                self._note_skipped(parts)
                self.losses.append(self._step(parts))
                self.iteration += 1
                last = self.iteration == self.stage.iterations
                if last or self.iteration % EVERY == 0:
                    self._report(time.monotonic() - since)
                    since = time.monotonic()
                if last or (validate_every and self.iteration % validate_every == 0):
                    started = time.monotonic()
                    self._validate(validate_stride)
                    since += time.monotonic() - started  # not the training's time
                if last or stopped or time.monotonic() - saved > 60 * save_minutes:
                    self._save()
                    saved = time.monotonic()
                if stopped and not last:
                    raise KeyboardInterrupt
        return self.kept

    @property
    def kept(self) -> DPA:
        """The network whose weights are validated and delivered."""
        return cast(DPA, self.ema.module) if self.ema is not None else self.model

    def _train_mode(self) -> None:
        self.model.train()
        if self.stage.freeze_norm:
            for module in self.model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _step(self, parts: list[Part]) -> Tensor:
        rate = schedule(self.iteration, self.stage)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.fabric.device)
        for k, part in enumerate(parts):
            # Gradients of several devices are joined once an iteration.
            with self.fabric.no_backward_sync(self.learner, enabled=k + 1 < len(parts)):
                value = self.loss(part) / len(parts)
                self.fabric.backward(value)
            total += value.detach()
        if self.stage.clip:
            self.fabric.clip_gradients(
                self.learner, self.optimiser, max_norm=self.stage.clip, error_if_nonfinite=False
            )
        self.optimiser.step()
        if self.ema is not None:
            self.ema.update_parameters(self.model)
        return total

    def loss(self, part: Part) -> Tensor:
        """The loss of a part of a batch, a scalar."""
        part = part.to(self.fabric.device)
        image, flow = _picture(part.image), None if part.flow is None else _picture(part.flow)
        with self.fabric.autocast():
            value: Tensor = self.learner(image, flow, part.mask.float() / 255, part.border, part.dinov2)
        return value

    def _note_skipped(self, parts: list[Part]) -> None:
        for part in parts:
            for path, sentence in part.skipped.items():
                if path in self.skipped:
                    continue
                self.skipped[path] = sentence
                for reporter in self.reporters:
                    reporter.note(f"skipped: {sentence} ({len(self.skipped)} so far)")
        if len(self.skipped) > UNREADABLE * self.batches.pictures:
            path, sentence = next(iter(self.skipped.items()))
            raise InputError(
                f"{len(self.skipped)} of {self.batches.pictures} training pictures cannot be used, "
                f"more than {UNREADABLE:.0%}; the first: {sentence}"
            )

    def _check(self) -> None:
        """Looked at now and then only: asking a GPU for a number makes it wait."""
        finite = torch.stack(self.losses).isfinite().tolist() if self.losses else []
        if not all(finite):
            first = self.iteration - len(finite) + finite.index(False) + 1
            raise DPAError(
                f"the loss is not finite at iteration {first}: start again with a lower `lr`, or with `clip`"
            )

    def _report(self, seconds: float) -> None:
        self._check()
        value = float(self.fabric.all_reduce(torch.stack(self.losses).mean(), reduce_op="mean"))
        images = len(self.losses) * self.stage.groups * self.stage.views
        rate = schedule(self.iteration - 1, self.stage)
        row = Row(self.iteration, self.stage.iterations, value, rate, images / seconds)
        self.losses = []
        for reporter in self.reporters:
            reporter.row(row)

    def _validate(self, stride: int) -> None:
        if not self.validation:
            self._save_weights("best")
            return
        self.kept.eval()
        scores, pictures = self._scores(stride)
        mean = sum(scores.values()) / len(scores)
        if mean > self.best:
            self.best = mean
            self._save_weights("best")
        for reporter in self.reporters:
            reporter.validated(self.iteration, scores, pictures)
        self._train_mode()

    def _scores(self, stride: int) -> tuple[dict[str, float], dict[str, Any]]:
        """J by sequence, and a picture of each of this device's sequences."""
        own = slice(self.fabric.global_rank, None, self.fabric.world_size)
        scores, pictures = validate(self.kept, self.validation[own], stride, self.fabric.device)
        values = torch.tensor([scores.get(v.name, 0.0) for v in self.validation], dtype=torch.float64)
        values = self.fabric.all_reduce(values.to(self.fabric.device), reduce_op="sum")
        return dict(zip((v.name for v in self.validation), values.tolist(), strict=True)), pictures

    def _save(self) -> None:
        self._check()
        if not self.fabric.is_global_zero:
            return
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "best": self.best,
        }
        if self.ema is not None:
            state["ema"] = self.ema.state_dict()
        save_checkpoint(self.folder, state)
        self._save_weights("last")

    def _save_weights(self, name: str) -> None:
        if self.fabric.is_global_zero:
            self.kept.save_pretrained(self.folder / name)
            write_whole(self.folder / name / RECORD, self.record.encode())
            write_whole(self.folder / name / FILES, self.pictures.encode())


def _picture(x: Tensor) -> Tensor:
    return (x.float() / 255).contiguous(memory_format=torch.channels_last)
