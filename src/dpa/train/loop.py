"""The training loop, the same for both stages."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from dpa.data.batches import Batch, Batches
from dpa.data.layout import Sequence
from dpa.errors import DPAError, InputError
from dpa.model.dpa import DPA, References, share
from dpa.train.checkpoint import load_checkpoint, save_checkpoint
from dpa.train.log import Log
from dpa.train.loss import loss
from dpa.train.settings import StageSettings
from dpa.train.validate import validate


class Trainer:
    """Trains a network on batches; keeps checkpoints, a log and the best weights in a folder.

    Args:
        model: the network; trained in place.
        stage: settings.
        batches: by iteration.
        validation: sequences that choose the best weights; may be empty.
        folder: of the run.
        device: where to train.
    """

    def __init__(
        self,
        model: DPA,
        stage: StageSettings,
        batches: Batches,
        validation: list[Sequence],
        folder: Path,
        device: str = "cpu",
    ) -> None:
        self.stage, self.batches, self.validation, self.folder, self.device = (
            stage,
            batches,
            validation,
            folder,
            device,
        )
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for encoder_stage in list(model.encoders[0].stages)[: stage.freeze]:  # type: ignore[arg-type]
            encoder_stage.requires_grad_(False)
        self.ema = (
            AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(stage.ema), use_buffers=True)
            if stage.ema
            else None
        )
        self.optimiser = _optimiser(model, stage)
        self.iteration = 0
        self.best = -1.0

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
                "resume with those in its settings.json"
            ) from error

    def fit(
        self,
        *,
        workers: int = 1,
        save_minutes: float = 5.0,
        validate_every: int = 0,
        validate_stride: int = 6,
    ) -> DPA:
        """Train to the end.

        Returns:
            The network that is kept: the running mean of the weights if there is one.
        """
        saved = time.monotonic()
        log = Log(self.folder, self.iteration)
        self.model.train()
        for batch in self._batches(workers):
            value = self._step(batch)
            self.iteration += 1
            last = self.iteration == self.stage.iterations
            log.add(self.iteration, value, self.optimiser.param_groups[-1]["lr"], len(batch.image), last)
            if last or (validate_every and self.iteration % validate_every == 0):
                self._validate(validate_stride, log)
            if last or time.monotonic() - saved > 60 * save_minutes:
                self._save()
                saved = time.monotonic()
        return self.kept

    @property
    def kept(self) -> DPA:
        """The network whose weights are validated and delivered."""
        return cast(DPA, self.ema.module) if self.ema is not None else self.model

    def _step(self, batch: Batch) -> float:
        rate = schedule(self.iteration, self.stage)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        image, flow = self._picture(batch.image), None if batch.flow is None else self._picture(batch.flow)
        mask = torch.from_numpy(batch.mask).to(self.device).float()
        logits, mask = self._forward(image, flow, mask)
        value = loss(logits, mask, self.stage.bce)
        if not value.isfinite():
            raise DPAError(
                f"the loss is not finite at iteration {self.iteration + 1}: "
                "start again with a lower `lr`, or with `clip`"
            )
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        if self.stage.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.stage.clip)
        self.optimiser.step()
        if self.ema is not None:
            self.ema.update_parameters(self.model)
        return float(value.detach())

    def _forward(self, image: Tensor, flow: Tensor | None, mask: Tensor) -> tuple[list[Tensor], Tensor]:
        """Logits of the batch's query frames, and their masks."""
        if not self.model.config.ifa:
            return self.model.segment(self.model.encode(image, flow)), mask
        views = self.stage.views
        if self.stage.shared:
            features = self.model.encode(image, flow)
            return self.model.segment(features, others(self.model.reference(features), views)), mask
        first, rest = _split(image, views), None if flow is None else _split(flow, views)
        logits = self.model(first[0], rest[0] if rest else None, first[1], rest[1] if rest else None)
        return logits, mask[::views]

    def _picture(self, x: np.ndarray) -> Tensor:
        t = torch.from_numpy(x).to(self.device).float() / 255
        return t.contiguous(memory_format=torch.channels_last)

    def _validate(self, stride: int, log: Log) -> None:
        if not self.validation:
            self.kept.save_pretrained(self.folder / "best")
            return
        self.kept.eval()
        scores = validate(self.kept, self.validation, stride, self.device)
        mean = float(np.mean(list(scores.values())))
        if mean > self.best:
            self.best = mean
            self.kept.save_pretrained(self.folder / "best")
        log.validation(self.iteration, scores)
        self.model.train()

    def _save(self) -> None:
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "best": self.best,
        }
        if self.ema is not None:
            state["ema"] = self.ema.state_dict()
        save_checkpoint(self.folder, state)
        self.kept.save_pretrained(self.folder / "last")

    def _batches(self, workers: int) -> Iterator[Batch]:
        rest = _Rest(self.batches, self.iteration, self.stage.iterations)
        loader: DataLoader = DataLoader(
            rest, batch_size=None, num_workers=workers, collate_fn=_same, worker_init_fn=_one_thread
        )
        for batch in _forked(loader):
            if isinstance(batch, DPAError):
                raise batch
            yield batch


class _Rest(Dataset):
    """The iterations that are left, as a map-style data set.

    An error of ours is handed over as a value: raised in a worker, it would arrive as a page of traceback.
    """

    def __init__(self, batches: Batches, start: int, end: int) -> None:
        self.batches, self.start, self.end = batches, start, end

    def __len__(self) -> int:
        return max(0, self.end - self.start)

    def __getitem__(self, i: int) -> Batch | DPAError:
        try:
            return self.batches[self.start + i]
        except DPAError as error:
            return error


def schedule(iteration: int, stage: StageSettings) -> float:
    """Learning rate of an iteration: linear warm-up, then cosine from `lr` to `lr_end`."""
    if iteration < stage.warmup:
        return stage.lr * (iteration + 1) / stage.warmup
    part = (iteration - stage.warmup) / max(1, stage.iterations - stage.warmup)
    return stage.lr_end + (stage.lr - stage.lr_end) * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))


def others(references: References, views: int) -> References:
    """Each view's references are the other views of its group.

    Args:
        references: (B, streams, D, D), one reference a row, B = groups * views.
        views: of a group; a group of one is its own reference.

    Returns:
        (B, streams, (views - 1) * D, D).
    """
    if views == 1:
        return references
    groups = references.key.shape[0] // views
    index = torch.tensor(
        [[g * views + j for j in range(views) if j != v] for g in range(groups) for v in range(views)]
    )
    rows = index.flatten().to(references.key.device)
    return share(References(references.key[rows], references.value[rows]), groups * views, views - 1)


def _split(x: Tensor, views: int) -> tuple[Tensor, Tensor]:
    grouped = x.unflatten(0, (-1, views))
    return grouped[:, 0], grouped[:, 1:]


def _optimiser(model: DPA, stage: StageSettings) -> torch.optim.Optimizer:
    encoders = [p for p in model.encoders.parameters() if p.requires_grad]
    inside = {id(p) for p in model.encoders.parameters()}
    rest = [p for p in model.parameters() if id(p) not in inside]
    groups = [{"params": encoders, "scale": stage.lr_encoder}, {"params": rest, "scale": 1.0}]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[stage.optimiser]
    return kind(groups, lr=stage.lr, weight_decay=stage.weight_decay)


def _forked(loader: DataLoader) -> Iterator[Any]:
    """Start the workers. OpenCV's threads do not survive a fork: a worker that has inherited them hangs."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    batches = iter(loader)
    cv2.setNumThreads(threads)
    return batches


def _same(batch: Any) -> Any:
    return batch


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
