"""How well logits name the classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.method import EvaluationSet

if TYPE_CHECKING:
    from harness.method import Tensors

Labels = npt.NDArray[np.int64]


def accuracy(labels: Labels, predicted: Labels) -> float:
    """Return the share of equal labels; both are [N]."""
    return float(np.mean(labels == predicted))


def confusion_matrix(labels: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Return int64 [classes, classes]: row is the true class, column the predicted one."""
    cells = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def task_metrics(outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
    """Return the accuracy of one backend's logits, float32 [N, classes]."""
    if evaluation.labels is None:
        return {}
    return {"accuracy": accuracy(evaluation.labels, outputs["logits"].argmax(axis=1))}
