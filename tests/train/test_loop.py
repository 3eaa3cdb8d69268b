"""The parts of the loop: schedule, references within a group, learning, errors of workers."""

import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from model_samples import build

from dpa.errors import DPAError, InputError
from dpa.model.dpa import DPA, References
from dpa.train.data.batches import Batch
from dpa.train.feed import Part
from dpa.train.learner import Learner, others, relative_difference
from dpa.train.loop import Trainer
from dpa.train.loss import loss
from dpa.train.optimiser import schedule
from dpa.train.settings import StageSettings
from small_encoder import SMALL_ENCODER


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


class NoFiles:
    """Batches that are not read from a disk."""

    pictures = 100

    def fill_cache(self) -> None:
        return


class Same(NoFiles):
    """One batch for every iteration, of ever so many pictures."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def fill_cache(self) -> None:
        """There are no files to read ahead."""

    def part(self, iteration: int, part: int, parts: int) -> Batch:
        return self.batch


def _network(**changes: object) -> DPA:
    torch.manual_seed(0)
    return DPA("dpa-mobile", **{"encoder": SMALL_ENCODER, "dim": 16, "width": 16} | changes)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_loss_goes_down_on_one_batch(batch: Batch, tmp_path: Path, shared: bool) -> None:
    stage = StageSettings(
        iterations=20, groups=2, views=2, shared=shared, lr=2e-2, lr_end=1e-2, bce=1.0, clip=5.0
    )
    trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    trainer.model.train()
    values = []
    for _ in range(stage.iterations):
        values.append(float(trainer._step([Part.of(batch)])))
        trainer.iteration += 1
    assert values[-1] < 0.6 * values[0]


@pytest.mark.parametrize("shared", [True, False])
def test_dinov2_of_each_view_is_what_came_with_it(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    monkeypatch.setattr("dpa.model.dpa.appearance", None)  # nothing is computed while the network learns
    model = build(encoder=SMALL_ENCODER, dinov2=True)
    learner = Learner(model, StageSettings(views=2, shared=shared)).eval()
    rng = np.random.default_rng(0)
    part = Part.of(replace(batch, dinov2=rng.random((4, 384, 4, 4), dtype=np.float32)))
    image, flow, dinov2 = part.image / 255, part.flow / 255, part.dinov2
    assert dinov2 is not None
    found = learner.predict(image, flow, dinov2)[-1]
    assert len(found) == (4 if shared else 2)
    views = [0, 1, 2, 3] if shared else [0, 2]
    for query, view in enumerate(views):
        own, other = (model.encode(image[[v]], flow[[v]], dinov2[[v]]) for v in (view, view ^ 1))
        alone = model.segment(own, model.reference(other))[-1]
        torch.testing.assert_close(found[[query]], alone, rtol=0, atol=1e-4)
        blank = model.encode(image[[view]], flow[[view]], 0 * dinov2[[view]])
        assert not torch.allclose(model.segment(blank, model.reference(other))[-1], alone, atol=1e-3)


def test_query_is_the_first_view_and_only_it_is_learnt(batch: Batch) -> None:
    learner = Learner(_network(), StageSettings(views=2, shared=False))
    image, flow, mask = (torch.from_numpy(x).float() for x in (batch.image, batch.flow, batch.mask))
    logits = learner.predict(image / 255, flow / 255)
    queries, references = (image[[0, 2]] / 255, flow[[0, 2]] / 255), (image[[1, 3]], flow[[1, 3]])
    alone = learner.model(*queries, references[0][:, None] / 255, references[1][:, None] / 255)
    torch.testing.assert_close(logits[-1], alone[-1])
    learner.eval()  # the same statistics each time
    of_first = learner(image / 255, flow / 255, mask)
    mask[[1, 3]] = 0
    assert learner(image / 255, flow / 255, mask) == of_first
    mask[0] = 0
    assert learner(image / 255, flow / 255, mask) != of_first


def _taught(stage: StageSettings, batch: Batch) -> tuple[Learner, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    teacher = DPA("dpa-mobile", encoder=SMALL_ENCODER, dim=16, width=16)
    learner = Learner(_network(), stage, teacher).eval()  # the same statistics each time
    image, flow, mask = (torch.from_numpy(x).float() / 255 for x in (batch.image, batch.flow, batch.mask))
    return learner, image, flow, mask


@pytest.mark.parametrize("shared", [True, False])
def test_a_teacher_s_answers_are_learnt_beside_the_masks(batch: Batch, shared: bool) -> None:
    stage = StageSettings(views=2, shared=shared, bce=1.0, teacher_share=0.25)
    learner, image, flow, mask = _taught(stage, batch)
    with torch.no_grad():
        answers = Learner(learner.teacher, stage).eval().predict(image, flow)[-1]
        own = learner.predict(image, flow)
        every = 1 if shared else 2
        expected = loss(own, 0.75 * mask[::every] + 0.25 * answers, bce=1.0)
        torch.testing.assert_close(learner(image, flow, mask), expected)
        alone = Learner(learner.model, stage).eval()(image, flow, mask)
    assert abs(float(alone - expected)) > 1e-3
    before = copy.deepcopy(learner.teacher.state_dict())
    learner.train()(image, flow, mask).backward()
    assert all(p.grad is None for p in learner.teacher.parameters())
    assert any(p.grad is not None for p in learner.model.parameters())
    assert not learner.teacher.training, "its statistics are what they were"
    assert all(torch.equal(x, before[name]) for name, x in learner.teacher.state_dict().items())


def test_a_teacher_s_features_are_learnt_too(batch: Batch) -> None:
    plain = StageSettings(views=2, shared=True, teacher_share=0.0)
    learner, image, flow, mask = _taught(plain, batch)
    with torch.no_grad():
        without = learner(image, flow, mask)
        learner.stage = replace(plain, teacher_features=2.0)
        own, taught = (m.encode(image, flow).appearance[-1] for m in (learner.model, learner.teacher))
        expected = 2 * relative_difference(own, taught)
        assert expected > 0.1
        torch.testing.assert_close(learner(image, flow, mask) - without, expected)


def test_the_difference_of_features_is_measured_by_channel() -> None:
    target = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    away = target.std((0, 2, 3), correction=0)[:, None, None]  # of each channel
    assert relative_difference(target, target) == 0
    assert relative_difference(target + away, target).item() == pytest.approx(1, rel=1e-5)
    scaled = target * torch.tensor([100.0, 0.01])[:, None, None]
    assert relative_difference(
        scaled + 2 * scaled.std((0, 2, 3), correction=0)[:, None, None], scaled
    ).item() == (pytest.approx(4, rel=1e-4))


@pytest.mark.slow
def test_frozen_stages_stay_and_the_rest_moves(batch: Batch, tmp_path: Path) -> None:
    stage = StageSettings(groups=2, views=2, shared=True, freeze=2, lr=1e-2, lr_encoder=0.5)
    trainer = Trainer(_network(encoder="mobilenetv2_100"), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    before = copy.deepcopy(trainer.model.encoders[0].state_dict())
    trainer.model.train()
    trainer._step([Part.of(batch)])
    rates = [group["lr"] for group in trainer.optimiser.param_groups]
    assert rates == pytest.approx([5e-3, 1e-2])
    for name, tensor in trainer.model.encoders[0].state_dict().items():
        frozen = name.startswith(("stages.0.", "stages.1."))
        if frozen or (tensor.is_floating_point() and name.endswith("weight")):
            assert torch.equal(tensor, before[name]) is frozen, name


def test_frozen_norm_keeps_its_statistics_and_uses_them(batch: Batch, tmp_path: Path) -> None:
    # One query a part, which has no statistics of its own.
    stage = StageSettings(iterations=2, groups=2, views=2, accumulate=2, freeze_norm=True, lr=1e-2, warmup=1)
    trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    before = copy.deepcopy(trainer.model.state_dict())
    moved = {name for name, _ in trainer.model.named_parameters()}
    trainer.fit(workers=0)
    after = trainer.model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed <= moved
    assert len(changed) > len(moved) / 2
    norms = [m for m in trainer.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert trainer.model.training
    assert not any(m.training for m in norms)


def test_a_loss_that_is_not_finite_stops_the_run_and_is_not_saved(batch: Batch, tmp_path: Path) -> None:
    stage = StageSettings(iterations=9, groups=2, views=2, shared=True)
    trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
    with torch.no_grad():
        trainer.model.decoder.predict.bias.fill_(float("nan"))
    with pytest.raises(DPAError, match="not finite at iteration 1:"):
        trainer.fit(workers=0, save_minutes=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_parts_give_the_gradients_of_the_whole(batch: Batch, tmp_path: Path) -> None:
    gradients = []
    for accumulate in (1, 2):
        stage = StageSettings(groups=2, views=2, shared=True, accumulate=accumulate)
        trainer = Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]
        trainer.model.eval()  # batch statistics are those of a part
        image, flow, mask, *_ = Part.of(batch)
        rows = [slice(0, 4)] if accumulate == 1 else [slice(0, 2), slice(2, 4)]
        assert flow is not None
        trainer._step([Part(image[r], flow[r], mask[r], None, None, {}) for r in rows])
        gradients.append({n: p.grad for n, p in trainer.model.named_parameters() if p.grad is not None})
    assert len(gradients[0]) > 100
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-6)


def test_groups_that_cannot_be_divided(batch: Batch, tmp_path: Path) -> None:
    stage = StageSettings(groups=3, views=2, shared=True, accumulate=2)
    with pytest.raises(InputError, match="3 groups cannot be divided evenly into 2 parts"):
        Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]


def test_a_single_picture_has_no_batch_statistics(batch: Batch, tmp_path: Path) -> None:
    stage = StageSettings(groups=2, views=2, shared=False, accumulate=2)
    with pytest.raises(InputError, match="a single picture"):
        Trainer(_network(), stage, Same(batch), [], tmp_path)  # type: ignore[arg-type]


class Skipping(Same):
    """Every iteration finds another broken file."""

    def part(self, iteration: int, part: int, parts: int) -> Batch:
        batch = self.batch
        skipped = {f"{iteration}.jpg": f"{iteration}.jpg: cannot be read as a picture"}
        return Batch(batch.image, batch.flow, batch.mask, skipped)


class Notes:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.closed = False

    def row(self, row: object) -> None:
        return

    validated = row

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def close(self) -> None:
        self.closed = True


@pytest.mark.slow
def test_skipped_pictures_are_counted_and_more_than_one_in_a_hundred_is_an_error(
    batch: Batch, tmp_path: Path
) -> None:
    for pictures, iterations, stopped in ((300, 3, False), (299, 3, True)):
        batches, notes = Skipping(batch), Notes()
        batches.pictures = pictures
        stage = StageSettings(iterations=iterations, groups=2, views=2, shared=True)
        trainer = Trainer(_network(), stage, batches, [], tmp_path)  # type: ignore[arg-type]
        if stopped:
            with pytest.raises(InputError, match=r"3 of 299 .* more than 1%; the first: 0\.jpg: cannot be"):
                trainer.fit([notes], workers=0)  # type: ignore[list-item]
        else:
            trainer.fit([notes], workers=0)  # type: ignore[list-item]
        assert notes.notes[1] == "skipped: 1.jpg: cannot be read as a picture (2 so far)"
        assert notes.closed


class Unreadable(NoFiles):
    def part(self, iteration: int, part: int, parts: int) -> Batch:
        raise InputError("pictures/a.jpg: cannot be read as a picture")


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_workers_arrive_as_one_sentence(tmp_path: Path, workers: int) -> None:
    trainer = Trainer(_network(), StageSettings(), Unreadable(), [], tmp_path)  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        trainer.fit(workers=workers)
    assert str(caught.value) == "pictures/a.jpg: cannot be read as a picture"
