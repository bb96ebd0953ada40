"""A running average of a network's weights, which is calmer than the weights that learn."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move an average, batch-norm statistics included, towards a network after a step.

    Args:
        average: A copy of the network from before the first step.
        network: What learns.
        step: Number of the step, from 0.
        decay: Of the average, at steps far from the first; 0 copies the network.
    """
    # A young average would be mostly start weights: it begins fast and slows down.
    share = 1 - min(decay, (step + 1) / (step + 10))
    current = network.state_dict()
    for name, kept in average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(current[name], share)
        else:
            kept.copy_(current[name])
