"""What a device computes in an iteration: the loss of its part of the batch."""

import torch
from torch import Tensor, nn

from dpa.model.dpa import DPA, References, share
from dpa.train.loss import loss
from dpa.train.settings import StageSettings


class Learner(nn.Module):
    """The network with its loss as one module, so that gradients of several devices can be joined.

    Args:
        model: the network.
        stage: how a batch is queries and references.
    """

    def __init__(self, model: DPA, stage: StageSettings) -> None:
        super().__init__()
        self.model, self.stage = model, stage

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
        predictions = self.predict(image, flow, dinov2)
        every = len(mask) // len(predictions[0])  # view is a query
        if border is not None:
            border = border[::every]
        return loss(predictions, mask[::every], self.stage.bce, self.stage.boundary, border)

    def predict(self, image: Tensor, flow: Tensor | None, dinov2: Tensor | None = None) -> list[Tensor]:
        """Probabilities of the batch's query frames: of all views, or of the first of every group."""
        if not self.model.config.ifa:
            return self.model.segment(self.model.encode(image, flow, dinov2))
        views = self.stage.views
        if self.stage.shared:
            features = self.model.encode(image, flow, dinov2)
            return self.model.segment(features, others(self.model.reference(features), views))
        seen = [None if x is None else x.unflatten(0, (-1, views)) for x in (image, flow, dinov2)]
        query, rest = ([None if x is None else x[:, part] for x in seen] for part in (0, slice(1, None)))
        predictions: list[Tensor] = self.model(*query[:2], *rest[:2], query[2], rest[2])
        return predictions


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
