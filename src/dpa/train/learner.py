"""What a device computes in an iteration: the loss of its part of the batch."""

import torch
from torch import Tensor, nn

from dpa.model.dpa import DPA, References, share
from dpa.model.precision import full_precision
from dpa.train.loss import loss
from dpa.train.settings import StageSettings


class Learner(nn.Module):
    """The network with its loss as one module, so that gradients of several devices can be joined.

    Args:
        model: the network.
        stage: how a batch is queries and references, and what of the teacher's is learnt.
        teacher: a network that is not trained, whose answers are learnt beside the masks.
    """

    def __init__(self, model: DPA, stage: StageSettings, teacher: DPA | None = None) -> None:
        super().__init__()
        self.model, self.stage = model, stage
        self.teacher = None if teacher is None else teacher.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "Learner":
        """As every module's, but for the teacher: it stays as it is in use."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def forward(
        self,
        image: Tensor,
        flow: Tensor | None,
        mask: Tensor,
        border: Tensor | None = None,
        dinov2: Tensor | None = None,
    ) -> Tensor:
        """The loss, a scalar.

        Args:
            image: (B, 3, H, W) in [0, 1], B = groups * views.
            flow: (B, 3, H, W) in [0, 1]; None for the appearance stream alone.
            mask: (B, 1, H, W), 0 or 1.
            border: (B, 1, H, W) int32, see `dpa.train.data.border`.
            dinov2: (B, 384, h, w), see `DPA.encode`.
        """
        predictions, f4 = self._answers(self.model, image, flow, dinov2)
        every = len(mask) // len(predictions[0])  # view is a query
        mask, border = mask[::every], None if border is None else border[::every]
        difference = mask.new_zeros(())
        if self.teacher is not None:
            with torch.no_grad():
                taught, taught_f4 = self._answers(self.teacher, image, flow, dinov2)
            mask = torch.lerp(mask.float(), taught[-1], self.stage.teacher_share)
            if f4 is not None and taught_f4 is not None and self.stage.teacher_features:
                difference = self.stage.teacher_features * relative_difference(f4, taught_f4)
        return loss(predictions, mask, self.stage.bce, self.stage.boundary, border) + difference

    def predict(self, image: Tensor, flow: Tensor | None, dinov2: Tensor | None = None) -> list[Tensor]:
        """Probabilities of the batch's query frames: of all views, or of the first of every group."""
        return self._answers(self.model, image, flow, dinov2)[0]

    def _answers(
        self, model: DPA, image: Tensor, flow: Tensor | None, dinov2: Tensor | None
    ) -> tuple[list[Tensor], Tensor | None]:
        """Probabilities, and the appearance stream's stage 4 where all views are queries."""
        if model.config.ifa and not self.stage.shared:
            seen = [
                None if x is None else x.unflatten(0, (-1, self.stage.views)) for x in (image, flow, dinov2)
            ]
            query, rest = ([None if x is None else x[:, part] for x in seen] for part in (0, slice(1, None)))
            return model(*query[:2], *rest[:2], query[2], rest[2]), None
        features = model.encode(image, flow, dinov2)
        references = others(model.reference(features), self.stage.views) if model.config.ifa else None
        return model.segment(features, references), features.appearance[-1]


def relative_difference(features: Tensor, target: Tensor) -> Tensor:
    """Mean square of the difference, each channel's divided by its variance in the target: a scalar.

    Args:
        features, target: (B, C, h, w).

    Example:
        >>> target = torch.randn(2, 3, 4, 4)
        >>> relative_difference(target, target).item()
        0.0
    """
    with full_precision(target.device.type):
        features, target = features.float(), target.float()
        dims = (0, 2, 3)
        variance = target.var(dims, correction=0).clamp_min(1e-6)
        return ((features - target).square().mean(dims) / variance).mean()


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
