"""The paper's own way, all references encoded again for every query frame, beside the cached way."""

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dpa.backends.torch import autocast
from dpa.bench.clip import Pictures, opened, pictures
from dpa.bench.measure import Measured, finish, measure
from dpa.bench.network import build
from dpa.bench.settings import BenchSettings
from dpa.engine.references import reference_indices
from dpa.errors import InputError
from dpa.model.dpa import DPA, References


def measure_way(settings: BenchSettings, way: str, folder: Path) -> Measured:
    """Time one way, "paper" or "cached", and leave the probabilities of two query frames in `folder/WAY.npy`.

    Raises:
        InputError: the network has no IFA, so that there are no references.
    """
    model, weights = build(settings)
    if not model.config.ifa:
        raise InputError(f"{weights}: the network has no IFA: there are no references to keep")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.in_precision == "fp32":
        torch.backends.cudnn.allow_tf32 = False  # it would round each way differently
    with opened(settings) as head:
        count = head.count
    n = settings.references or model.config.references
    queries = [1, count // 2]
    made = pictures(settings, model.config, [*queries, *reference_indices(count, n)])
    model = model.to(settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    run = _Way(model, made[: len(queries)], made[len(queries) :], settings)
    with torch.inference_mode(), autocast(settings.device, settings.in_precision):
        facts = {
            "seconds_once": run.keep() if way == "cached" else 0.0,
            "weights": weights,
            "input_size": list(made[0][0].shape[:2]),
            "references": len(made) - len(queries),
            "config": model.config.to_dict(),
        }
        measured = measure(run.next, settings, settings.device, **facts)
        np.save(folder / f"{way}.npy", np.stack([run.probability(q) for q in range(len(queries))]))
    return measured


class _Way:
    """Queries in turn, with kept references once there are some."""

    def __init__(
        self, model: DPA, queries: list[Pictures], references: list[Pictures], settings: BenchSettings
    ) -> None:
        self._model, self._device = model, settings.device
        self._queries = [self._tensors(pair) for pair in queries]
        self._references = [self._tensors(pair) for pair in references]
        self._kept: References | None = None
        self._turn = 0

    def keep(self) -> float:
        """Encode every reference once; gives the seconds that took."""
        start = time.perf_counter()
        parts = [self._model.reference(self._model.encode(*pair)) for pair in self._references]
        self._kept = References.join(parts)
        finish(self._device)
        return time.perf_counter() - start

    def next(self) -> int:
        """Segment the next query."""
        self._probability(self._turn % len(self._queries))
        self._turn += 1
        finish(self._device)
        return 1

    def probability(self, query: int) -> np.ndarray:
        """(h, w) float32."""
        return self._probability(query)[0, 0].cpu().numpy()

    def _probability(self, query: int) -> Tensor:
        image, flow = self._queries[query]
        if self._kept is not None:
            return self._model.segment(self._model.encode(image, flow), self._kept)[-1]
        images = torch.stack([image for image, _ in self._references], dim=1)  # (1, N, 3, h, w)
        flows = [flow for _, flow in self._references if flow is not None]
        return self._model(image, flow, images, torch.stack(flows, dim=1) if flows else None)[-1]

    def _tensors(self, pair: Pictures) -> tuple[Tensor, Tensor | None]:
        image, flow = (
            torch.from_numpy(np.ascontiguousarray(p)).to(self._device)[None].permute(0, 3, 1, 2).float() / 255
            for p in pair
        )
        return image, flow if self._model.config.motion else None
