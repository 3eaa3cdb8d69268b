"""Batches from worker processes, as tensors."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dpa.errors import DPAError
from dpa.train.data.batches import Batch, Batches


class Part(NamedTuple):
    """A `Batch` as tensors."""

    image: Tensor
    flow: Tensor | None
    mask: Tensor
    border: Tensor | None
    dinov2: Tensor | None
    skipped: dict[str, str]

    @classmethod
    def of(cls, batch: Batch) -> "Part":
        """The tensors share the batch's memory."""
        flow, border, dinov2 = (
            None if x is None else torch.from_numpy(x) for x in (batch.flow, batch.border, batch.dinov2)
        )
        image, mask = torch.from_numpy(batch.image), torch.from_numpy(batch.mask)
        return cls(image, flow, mask, border, dinov2, batch.skipped)

    def to(self, device: torch.device) -> "Part":
        """The same with its tensors on a device."""
        return Part(*(x.to(device, non_blocking=True) if isinstance(x, Tensor) else x for x in self))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Feed(Dataset):
    """The parts of the batches that are left for one device.

    An error of ours is handed over as a value: raised in a worker, it would arrive as a page of traceback.

    Attributes:
        batches: of all devices.
        start, end: iterations.
        accumulate: parts of each for this device.
        rank, world: this device's number, and how many there are.
    """

    batches: Batches
    start: int
    end: int
    accumulate: int = 1
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        return max(0, self.end - self.start) * self.accumulate

    def __getitem__(self, i: int) -> Part | DPAError:
        iteration, k = divmod(i, self.accumulate)
        try:
            batch = self.batches.part(
                self.start + iteration, k * self.world + self.rank, self.accumulate * self.world
            )
        except DPAError as error:
            return error
        return Part.of(batch)

    def iterations(self, workers: int, pinned: bool) -> Iterator[list[Part]]:
        """The parts of one iteration after the other.

        Args:
            workers: processes that make them; 0 makes them here.
            pinned: in memory from which a GPU copies while it computes.

        Raises:
            DPAError: what a worker met.
        """
        loader: DataLoader = DataLoader(
            self,
            batch_size=None,
            num_workers=workers,
            collate_fn=_same,
            worker_init_fn=_one_thread,
            pin_memory=pinned,
        )
        parts: list[Part] = []
        for part in _forked(loader):
            if isinstance(part, DPAError):
                raise part
            parts.append(part)
            if len(parts) == self.accumulate:
                yield parts
                parts = []


def _forked(loader: DataLoader) -> Iterator[Part | DPAError]:
    """Start the workers. OpenCV's threads do not survive a fork: a worker that has inherited them hangs."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    parts = iter(loader)
    cv2.setNumThreads(threads)
    return parts


def _same(part: Any) -> Any:
    return part


def _one_thread(worker: int) -> None:
    # The loop's own way with signals is not the workers': they end when they are told to.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
