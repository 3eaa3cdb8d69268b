"""One network out of several: the mean of their weights."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from dpa.errors import InputError, WeightsError
from dpa.model.dpa import DPA


def average(models: Sequence[DPA], shares: Sequence[float] = ()) -> DPA:
    """The weighted mean of networks that one training has led to.

    Networks that were fine-tuned from common weights lie in one valley of the loss; their mean often does
    better than each and costs no more than one (Wortsman et al., Model soups, ICML 2022, section 3).

    Args:
        models: networks of one configuration, each on the CPU; left as they are. Some may look at DINOv2
            and others not: what only some have is the mean of theirs.
        shares: of each network, positive; only their ratios count. None given: all the same.

    Returns:
        A network of its own, in evaluation mode.

    Raises:
        InputError: no networks, not one share a network, or a share that is not positive.
        WeightsError: networks of different configurations.

    Example:
        >>> models = [DPA("dpa-mobile", dim=16, width=16) for _ in range(2)]
        >>> average(models, [0.35, 0.65]).config.dim
        16
    """
    if not models:
        raise InputError("no weights to average: give at least one")
    shares = shares or [1.0] * len(models)
    if len(shares) != len(models):
        raise InputError(f"{len(models)} weights and {len(shares)} shares: give one share for each, or none")
    if not all(share > 0 for share in shares):
        raise InputError(f"shares are numbers above 0, not {', '.join(map(str, shares))}")
    looking = any(model.config.dinov2 for model in models)
    config, *others = (replace(model.config, dinov2=looking) for model in models)
    if any(other != config for other in others):
        raise WeightsError("these weights are of different networks: only weights of one can be averaged")
    states = [model.state_dict() for model in models]
    mean = DPA(config)
    with torch.no_grad():
        for name, tensor in mean.state_dict().items():
            having = [(s[name].double(), share) for s, share in zip(states, shares, strict=True) if name in s]
            total = sum(share for _, share in having)
            tensor.copy_(torch.stack([own * (share / total) for own, share in having]).sum(0))
    return mean.eval()
