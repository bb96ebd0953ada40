"""Cross-entropy against soft targets, which label smoothing and mixing make."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def soft_targets(labels: Tensor, classes: int, smoothing: float = 0.0) -> Tensor:
    """Return float32 [N, classes]: `1 - smoothing` at the label, the rest spread evenly.

    Args:
        labels: int64 [N].
        classes: Number of classes.
        smoothing: Share of the mass that is spread over all classes, the label's included.
    """
    hard = F.one_hot(labels, classes).float()
    return hard * (1 - smoothing) + smoothing / classes


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over the batch of `-sum(targets * log_softmax(logits))`.

    Args:
        logits: float32 [N, classes].
        targets: float32 [N, classes], rows that sum to 1.
    """
    return -(targets * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
