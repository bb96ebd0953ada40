"""How far a classifier is from its float self, and from the truth."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

# Softens both distributions, so that small logits count, too.
TEMPERATURE = 2.0
# Share of the labels' cross-entropy beside the float model's answers.
OF_LABELS = 0.3


def finetune_loss(logits: Tensor, teacher: Tensor, labels: Tensor | None) -> Tensor:
    """Return the mean loss of a batch.

    Divergence from the float model's softened answers (G. Hinton et al., 2015,
    https://arxiv.org/abs/1503.02531), and, where there are labels, cross-entropy.

    Args:
        logits: float32 [N, classes].
        teacher: float32 [N, classes], the float model's logits.
        labels: int64 [N], or None.
    """
    wanted = F.log_softmax(teacher / TEMPERATURE, 1)
    found = F.log_softmax(logits / TEMPERATURE, 1)
    divergence = F.kl_div(found, wanted, reduction="batchmean", log_target=True) * TEMPERATURE**2
    if labels is None:
        return divergence
    return (1 - OF_LABELS) * divergence + OF_LABELS * F.cross_entropy(logits, labels)
