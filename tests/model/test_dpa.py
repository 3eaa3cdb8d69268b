"""The whole network: its steps, its switches, sizes, batches, gradients and export."""

import numpy as np
import pytest
import torch
from model_samples import Segment, build, inputs, pair, remember

from dpa.errors import InputError
from dpa.model.dpa import DPA, References, share
from small_encoder import THREE_LAYERS

no_gradient = torch.inference_mode()


def probabilities(predictions: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(predictions)


@no_gradient
def test_cached_references_equal_encoding_them_again(tiny: DPA) -> None:
    image, flow = pair(2, 64, 96)
    images, flows = (x.unflatten(0, (2, 3)) for x in pair(6, 64, 96, seed=5))
    again = tiny(image, flow, images, flows)
    kept = [tiny.reference(tiny.encode(images[:, i], flows[:, i])) for i in range(3)]
    cached = tiny.segment(tiny.encode(image, flow), References.join(kept))
    assert (probabilities(again) - probabilities(cached)).abs().max() <= 1e-5


@no_gradient
def test_references_matter_and_their_order_and_size_do_not(tiny: DPA) -> None:
    features = tiny.encode(*pair(1, 128, 128))
    references = remember(tiny, 3, 96, 32)  # of another size than the query
    found = tiny.segment(features, references)[-1]
    d = tiny.config.dim
    turned = References(references.key.roll(d, 2), references.value.roll(d, 2))
    torch.testing.assert_close(tiny.segment(features, turned)[-1], found, rtol=1e-4, atol=1e-4)
    twice = References.join([references] * 2)
    torch.testing.assert_close(tiny.segment(features, twice)[-1], found, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(tiny.segment(features, remember(tiny, 1))[-1], found, atol=1e-3)


@pytest.mark.slow
def test_references_leave_the_running_statistics_to_the_queries() -> None:
    """The queries' f4 has been through IMA, the references' has not: one set of statistics is of one kind."""
    model = build(encoder="resnet18", folded=False).train()
    deep = [stages.stages[-1] for stages in model.encoders]
    before = {k: v.clone() for stage in deep for k, v in stage.state_dict().items()}
    features = model.encode(*pair(2, 64, 64))
    references = model.reference(features)
    assert all(torch.equal(v, before[k]) for stage in deep[-1:] for k, v in stage.state_dict().items())
    assert all(stage.training for stage in deep)
    model.segment(features, References(*(r[:1] for r in references)))
    after = deep[-1].state_dict()
    assert any(not torch.equal(v, before[k]) for k, v in after.items() if k.endswith("running_mean"))


@no_gradient
def test_batch_of_one_and_of_eight_agree(tiny: DPA) -> None:
    # Not smaller: on 2 x 2 positions prototypes coincide, and EdgeConv's choice among equals is rounding's.
    image, flow = pair(8, 96, 128)
    references = remember(tiny, 2)
    together = tiny.segment(tiny.encode(image, flow), references)
    apart = [tiny.segment(tiny.encode(image[i, None], flow[i, None]), references) for i in range(8)]
    for level, predictions in enumerate(together):
        single = torch.cat([a[level] for a in apart])
        torch.testing.assert_close(predictions, single, rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [(2, 2), (2, 77), (33, 64), (31, 1025), (61, 47)])
@no_gradient
def test_any_size(tiny: DPA, size: tuple[int, int]) -> None:
    predictions = tiny.segment(tiny.encode(*pair(1, *size)), remember(tiny, 1))
    assert [x.shape[-2:] for x in predictions] == [size] * 4
    assert all(x.isfinite().all() for x in predictions)


@no_gradient
def test_padding_repeats_the_border(tiny: DPA) -> None:
    image, flow = pair(1, 50, 70)
    references = remember(tiny, 1)
    padded = [torch.nn.functional.pad(x, (0, 26, 0, 14), mode="replicate") for x in (image, flow)]
    wanted = tiny.segment(tiny.encode(*padded), references)[-1][..., :50, :70]
    torch.testing.assert_close(tiny.segment(tiny.encode(image, flow), references)[-1], wanted)


def test_wrong_inputs_are_named(tiny: DPA) -> None:
    image, flow = pair(1, 64, 64)
    for size in ((1, 64), (64, 1)):
        with pytest.raises(InputError, match="too small: at least 2 x 2"):
            tiny.encode(*pair(1, *size))
    with pytest.raises(InputError, match="has a motion stream: give `flow`"):
        tiny.encode(image)
    with pytest.raises(InputError, match=r"flow \(1, 3, 32, 64\) differ"):
        tiny.encode(image, flow[..., ::2, :])
    with pytest.raises(InputError, match=r"\(3, 64, 64\): it must be \(B, 3, H, W\)"):
        tiny.encode(image[0], flow[0])
    with pytest.raises(InputError, match="has IFA: give `references`"):
        tiny.segment(tiny.encode(image, flow))


@no_gradient
def test_dinov2_is_looked_at_beside_stage_4(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (image, flow) = build(dinov2=True), pair(2, 64, 96)
    shown = []

    def look(picture: np.ndarray) -> np.ndarray:
        """A plane of means, and 383 of zeros."""
        shown.append(picture)
        means = picture.reshape(4, 16, 6, 16, 3).mean((1, 3, 4), dtype=np.float32)
        return np.concatenate([means[None] / 255, np.zeros((383, 4, 6), np.float32)])

    monkeypatch.setattr("dpa.model.dpa.appearance", lambda threads: look)
    features = model.encode(image, flow)
    assert [picture.dtype for picture in shown] == [np.uint8] * 2
    for picture, given in zip(shown, image, strict=True):
        np.testing.assert_allclose(picture / 255, given.permute(1, 2, 0), atol=0.51 / 255)
    assert features.dinov2 is not None
    assert features.dinov2.shape == (2, 384, 4, 6)

    def change(dinov2: torch.Tensor) -> torch.Tensor:
        blank = torch.zeros(2, 384, 1, 1)
        found, other = (model.encode(image, flow, given).appearance for given in (dinov2, blank))
        for same, stage in zip(found[:-1], other[:-1], strict=True):
            assert torch.equal(same, stage)
        return found[-1] - other[-1]

    own = change(features.dinov2)
    again = model.encode(image, flow, features.dinov2).appearance[-1]
    assert torch.equal(again, features.appearance[-1])
    assert own.abs().max() > 0.01
    finer = change(features.dinov2.repeat_interleave(3, 2).repeat_interleave(3, 3))
    torch.testing.assert_close(finer, own, atol=1e-4, rtol=1e-3)
    assert len(shown) == 2, "given features are not computed again"


@pytest.mark.parametrize("motion", [True, False])
@pytest.mark.parametrize(("ima", "ifa"), [(True, True), (True, False), (False, True), (False, False)])
@no_gradient
def test_switches_of_the_ablation(motion: bool, ima: bool, ifa: bool) -> None:
    model = build(motion=motion, ima=ima, ifa=ifa)
    names = {name.split(".")[0] for name in model.state_dict()}
    assert ("ima4" in names, "ima5" in names, "ifa" in names) == (ima, ima, ifa)
    assert ("join5" in names) == (ima and ifa)
    assert len(model.encoders) == 1 + motion
    frame = inputs(model, 1, 64, 64)
    features = model.encode(*frame)
    if ifa:
        references = remember(model, 1)
    else:
        references = None
        with pytest.raises(InputError, match="without IFA"):
            model.reference(features)
    assert len(model.segment(features, references)) == 4
    if not motion:
        with pytest.raises(InputError, match="no motion stream: leave `flow` out"):
            model.encode(*pair(1, 64, 64))
    several = [x.unsqueeze(1) for x in frame]
    both = model(*frame, *several) if motion else model(frame[0], None, several[0], None)
    assert both[-1].shape == (1, 1, 64, 64)


@no_gradient
def test_flow_is_normalised_only_where_the_settings_say(tiny: DPA) -> None:
    image, flow = pair(1, 64, 64)
    plain = build(normalise_flow=False)
    expected = (flow - tiny.mean) / tiny.std
    torch.testing.assert_close(plain.encode(image, expected).motion, tiny.encode(image, flow).motion)


@pytest.mark.slow
@no_gradient
def test_equal_channels_share_their_mean_and_deviation() -> None:
    equal, different = build(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)), build(mean=(0.1, 0.5, 0.9))
    assert equal.mean.shape == equal.std.shape == (1, 1, 1, 1)
    assert different.mean.flatten().tolist() == pytest.approx([0.1, 0.5, 0.9])
    spread = build(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    spread.mean, spread.std = (x.expand(1, 3, 1, 1).clone() for x in (equal.mean, equal.std))
    image, flow = pair(1, 64, 64)
    found, wanted = equal.encode(image, flow), spread.encode(image, flow)
    for ours, theirs in zip(found.appearance, wanted.appearance, strict=True):
        assert torch.equal(ours, theirs)
    assert not {"mean", "std"} & set(equal.state_dict())
    # Every channel has its own where they differ.
    shift = torch.tensor([0.4, 0.0, -0.4]).view(1, 3, 1, 1)
    same = build(mean=(0.5, 0.5, 0.5)).encode(image + shift, flow + shift).appearance[-1]
    torch.testing.assert_close(different.encode(image, flow).appearance[-1], same, rtol=1e-4, atol=1e-4)


def test_references_give_no_gradient_to_the_encoders() -> None:
    model = build()
    model.reference(model.encode(*pair(1, 64, 64))).value.sum().backward()
    assert model.ifa is not None
    assert model.ifa[0].value.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in model.encoders.parameters())


def test_every_weight_learns() -> None:
    model = build(folded=False)
    image, flow = pair(2, 64, 64)
    images, flows = (x.unflatten(0, (2, 1)) for x in pair(2, 64, 64, seed=5))
    sum(x.square().mean() for x in model(image, flow, images, flows)).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Softmax knows no constant: in rounding alone does a key's bias matter.
    assert [n for n in silent if not n.endswith("key.bias")] == []


def test_sharing_groups_references_by_query() -> None:
    rows = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 2, 4, 4)  # three queries, two references each
    shared = share(References(rows, -rows), 3, 2)
    assert shared.key.shape == (3, 2, 8, 4)
    assert shared.key[1, 0, :, 0].tolist() == [2.0] * 4 + [3.0] * 4
    assert torch.equal(shared.value, -shared.key)


@pytest.mark.slow
def test_torch_export_of_segment() -> None:
    model = build(encoder=THREE_LAYERS)
    features = model.encode(*pair(2, 64, 96))
    references = remember(model, 2)
    given = (features.appearance, features.motion, *references)
    program = torch.export.export(Segment(model, features.size), given)
    other = model.encode(*pair(2, 64, 96, seed=9))
    found = program.module()(other.appearance, other.motion, *references)
    torch.testing.assert_close(found, model.segment(other, references)[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
@no_gradient
def test_device_independent(tiny: DPA) -> None:
    image, flow = pair(1, 64, 96)
    wanted = tiny.segment(tiny.encode(image, flow), remember(tiny, 1))[-1]
    model = build().cuda()
    references = References(*(r.cuda() for r in remember(tiny, 1)))
    torch.backends.cudnn.allow_tf32 = False
    found = model.segment(model.encode(image.cuda(), flow.cuda()), references)[-1]
    torch.testing.assert_close(found.cpu(), wanted, rtol=0, atol=1e-3)
