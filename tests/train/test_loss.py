"""The soft IoU loss: hand-made cases and laws."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dpa.train.data.border import border
from dpa.train.loss import loss, soft_iou_loss


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """A probability map and a mask with at least one pixel of the object."""
    b, h, w = (draw(st.integers(1, n)) for n in (3, 6, 6))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    mask = (torch.rand(b, 1, h, w) < draw(st.floats(0, 1))).float()
    mask[:, :, 0, 0] = 1
    return torch.rand(b, 1, h, w), mask


@given(pairs())
def test_equal_masks_cost_nothing_and_disjoint_ones_all(pair: tuple[Tensor, Tensor]) -> None:
    _, mask = pair
    assert soft_iou_loss(mask, mask).item() == pytest.approx(0)
    assert soft_iou_loss(1 - mask, mask).item() == pytest.approx(1)


@pytest.mark.slow
@given(pairs())
def test_bounds_symmetry_and_order(pair: tuple[Tensor, Tensor]) -> None:
    probability, mask = pair
    value = soft_iou_loss(probability, mask)
    assert 0 <= value <= 1
    assert value.item() == pytest.approx(soft_iou_loss(mask, probability).item(), abs=1e-6)
    nearer = (probability + mask) / 2
    assert soft_iou_loss(nearer, mask) <= value + 1e-6


@pytest.mark.slow
@given(pairs())
def test_binary_maps_give_one_minus_iou_picture_by_picture(pair: tuple[Tensor, Tensor]) -> None:
    probability, mask = pair
    found, truth = probability > 0.5, mask > 0.5
    iou = (found & truth).sum((1, 2, 3)) / (found | truth).sum((1, 2, 3))
    assert soft_iou_loss(found.float(), mask).item() == pytest.approx((1 - iou).mean().item(), abs=1e-6)


def test_by_hand() -> None:
    probability = torch.tensor([0.8, 0.2, 0.5, 0.0]).view(1, 1, 2, 2)
    mask = torch.tensor([1.0, 0.0, 1.0, 0.0]).view(1, 1, 2, 2)
    # min: .8 + 0 + .5 + 0; max: 1 + .2 + 1 + 0
    assert soft_iou_loss(probability, mask).item() == pytest.approx(1 - 1.3 / 2.2)


def test_every_picture_weighs_the_same_whatever_its_object_s_size() -> None:
    mask = torch.zeros(2, 1, 10, 10)
    mask[0, 0, 0, 0] = 1
    mask[1] = 1
    probability = mask.clone()
    probability[0] = 0
    assert soft_iou_loss(probability, mask).item() == pytest.approx(0.5)


def test_empty_masks_are_finite_with_finite_gradient() -> None:
    logit = torch.full((1, 1, 4, 4), -200.0, requires_grad=True)
    value = loss([logit.sigmoid()], torch.zeros(1, 1, 4, 4), bce=1.0)
    value.backward()
    assert value.isfinite()
    assert logit.grad is not None
    assert logit.grad.isfinite().all()


def test_mean_over_the_predictions_and_weight_of_the_cross_entropy() -> None:
    torch.manual_seed(0)
    mask = (torch.rand(2, 1, 5, 5) > 0.5).float()
    predictions = [torch.rand(2, 1, 5, 5) for _ in range(4)]
    singles = [soft_iou_loss(x, mask) for x in predictions]
    assert loss(predictions, mask).item() == pytest.approx(torch.stack(singles).mean().item())
    entropy = torch.stack([F.binary_cross_entropy(x, mask) for x in predictions])
    more = loss(predictions, mask, bce=2.0) - loss(predictions, mask)
    assert more.item() == pytest.approx(2 * entropy.mean().item(), rel=1e-4)


def test_the_loss_is_in_full_precision_inside_autocast() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 20:50, 20:50] = 1
    prediction = (0.001 + 0.998 * mask).requires_grad_()
    near = _border(mask)
    plain = loss([prediction], mask, 1.0, 4.0, near)
    with torch.autocast("cpu", torch.bfloat16):  # what a module is given is narrowed by then
        mixed = loss([prediction], mask.bfloat16(), 1.0, 4.0, near)
    assert mixed.item() == pytest.approx(plain.item(), rel=1e-6)


def test_the_border_weighs_as_pooling_the_mask_would_weigh_it() -> None:
    torch.manual_seed(0)
    mask = torch.zeros(3, 1, 60, 50)
    mask[0, :, 20:45, 5:30] = 1
    mask[1, :, :9, 40:] = 1  # in a corner
    mask[2] = (torch.rand(1, 60, 50) * 255).round() / 255  # as augmentation leaves soft borders
    predictions = [torch.rand(3, 1, 60, 50) for _ in range(2)]
    around = F.avg_pool2d(mask, 15, stride=1, padding=7, count_include_pad=False)
    weight = 1 + 4 * (around - mask).abs()
    entropy = torch.stack([F.binary_cross_entropy(x, mask, weight) for x in predictions]).mean()
    wanted = loss(predictions, mask) + 0.5 * entropy
    assert loss(predictions, mask, 0.5, 4.0, _border(mask)).item() == pytest.approx(wanted.item(), abs=1e-6)
    assert abs(loss(predictions, mask, 0.5).item() - wanted.item()) > 0.1


def _border(mask: Tensor) -> Tensor:
    planes = [border((255 * one[0]).round().byte().numpy()) for one in mask]
    return torch.from_numpy(np.stack(planes)[:, None])
