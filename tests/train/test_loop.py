"""The parts of the loop: schedule, references within a group, learning, errors of workers."""

import copy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from dpa.data.batches import Batch
from dpa.errors import DPAError, InputError
from dpa.model.dpa import DPA, References
from dpa.train.loop import Trainer, others, schedule
from dpa.train.settings import StageSettings


def test_schedule_warms_up_then_falls_along_a_cosine() -> None:
    stage = StageSettings(iterations=110, warmup=10, lr=1.0, lr_end=0.1)
    rates = [schedule(i, stage) for i in range(111)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == pytest.approx(0.1)
    assert all(a > b for a, b in pairwise(rates[10:]))


def test_schedule_without_warm_up_is_the_paper_s() -> None:
    stage = StageSettings(iterations=100)
    assert schedule(0, stage) == pytest.approx(1e-4)
    assert schedule(50, stage) == pytest.approx(5.5e-5)
    assert schedule(100, stage) == pytest.approx(1e-5)
    assert schedule(1000, stage) == pytest.approx(1e-5)


@pytest.mark.parametrize("views", [2, 3, 5])
def test_others_gives_each_view_all_of_its_group_but_itself(views: int) -> None:
    groups, streams, d = 2, 2, 3
    # Every row holds its own number, so that what is read can be told.
    rows = torch.arange(groups * views).view(-1, 1, 1, 1).expand(-1, streams, d, d).float()
    rows = rows + 100 * torch.arange(streams).view(1, -1, 1, 1)
    read = others(References(rows, -rows), views)
    assert read.key.shape == (groups * views, streams, (views - 1) * d, d)
    assert torch.equal(read.value, -read.key)
    for g in range(groups):
        for v in range(views):
            wanted = [g * views + j for j in range(views) if j != v]
            for s in range(streams):
                found = read.key[g * views + v, s, :, 0].view(views - 1, d)[:, 0]
                assert (found - 100 * s).int().tolist() == wanted


def test_a_group_of_one_reads_itself() -> None:
    own = References(torch.rand(3, 2, 4, 4), torch.rand(3, 2, 4, 4))
    assert others(own, 1) is own


@pytest.fixture
def batch() -> Batch:
    rng = np.random.default_rng(0)
    mask = np.zeros((4, 1, 64, 64), np.uint8)
    for i in range(4):
        mask[i, 0, 10 + 5 * i : 40 + 5 * i, 12:44] = 1
    image = rng.integers(0, 90, (4, 3, 64, 64)).astype(np.uint8) + 150 * mask
    flow = np.where(mask > 0, np.uint8(0), np.uint8(255)).repeat(3, axis=1)
    return Batch(image, flow, mask)


class Same:
    """One batch for every iteration."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __getitem__(self, iteration: int) -> Batch:
        return self.batch


def _network(**changes: object) -> DPA:
    torch.manual_seed(0)
    return DPA("dpa-mobile", dim=16, width=16, **changes)


@pytest.mark.parametrize("shared", [True, False])
def test_loss_goes_down_on_one_batch(batch: Batch, tmp_path: Path, shared: bool) -> None:
    stage = StageSettings(iterations=20, views=2, shared=shared, lr=2e-2, lr_end=1e-2, bce=1.0, clip=5.0)
    trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    trainer.model.train()
    values = []
    for _ in range(stage.iterations):
        values.append(trainer._step(batch))
        trainer.iteration += 1
    assert values[-1] < 0.6 * values[0]


def test_query_is_the_first_view_and_only_it_is_learnt(batch: Batch, tmp_path: Path) -> None:
    stage = StageSettings(views=2, shared=False)
    trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    image = torch.from_numpy(batch.image).float() / 255
    flow = torch.from_numpy(batch.flow).float() / 255
    logits, mask = trainer._forward(image, flow, torch.from_numpy(batch.mask).float())
    assert torch.equal(mask, torch.from_numpy(batch.mask[[0, 2]]).float())
    alone = trainer.model(image[[0, 2]], flow[[0, 2]], image[[1, 3]][:, None], flow[[1, 3]][:, None])
    torch.testing.assert_close(logits[-1], alone[-1])


def test_frozen_stages_stay_and_the_rest_moves(batch: Batch, tmp_path: Path) -> None:
    stage = StageSettings(views=2, shared=True, freeze=2, lr=1e-2, lr_encoder=0.5)
    trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    before = copy.deepcopy(trainer.model.encoders[0].state_dict())
    trainer.model.train()
    trainer._step(batch)
    rates = [group["lr"] for group in trainer.optimiser.param_groups]
    assert rates == pytest.approx([5e-3, 1e-2])
    for name, tensor in trainer.model.encoders[0].state_dict().items():
        frozen = name.startswith(("stages.0.", "stages.1."))
        if frozen or (tensor.is_floating_point() and name.endswith("weight")):
            assert torch.equal(tensor, before[name]) is frozen, name


def test_a_loss_that_is_not_finite_stops_the_run(batch: Batch, tmp_path: Path) -> None:
    trainer = Trainer(_network(), StageSettings(views=2, shared=True), Same(batch), [], tmp_path)  # type: ignore[arg-type]
    with torch.no_grad():
        trainer.model.decoder.predict.bias.fill_(float("nan"))
    with pytest.raises(DPAError, match="not finite at iteration 1"):
        trainer._step(batch)


class Unreadable:
    def __getitem__(self, iteration: int) -> Batch:
        raise InputError("pictures/a.jpg: cannot be read as a picture")


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_workers_arrive_as_one_sentence(tmp_path: Path, workers: int) -> None:
    trainer = Trainer(_network(), StageSettings(), Unreadable(), [], tmp_path)  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        trainer.fit(workers=workers)
    assert str(caught.value) == "pictures/a.jpg: cannot be read as a picture"
