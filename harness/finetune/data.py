"""What fine-tuning learns from, and the part of it that says when to stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.backends.base import Subject
from harness.backends.floating import FloatBackend
from harness.errors import MethodError
from harness.method import Deployable, EvaluationSet
from harness.progress import SILENT, Progress

# Share of the training items that is kept back to judge by.
KEPT_BACK = 0.2
FEWEST = 4

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lessons:
    """Items with what the float module says about them.

    Attributes:
        inputs: uint8 [N, C, H, W].
        logits: float32 [N, classes], the float module's.
        labels: int64 [N], or None.
    """

    inputs: Tensor
    logits: Tensor
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.inputs)

    def at(self, places: Tensor | Places) -> Lessons:
        """Return some of the items."""
        where = torch.as_tensor(places)
        labels = None if self.labels is None else self.labels[where]
        return Lessons(self.inputs[where], self.logits[where], labels)


def check_trainable(deployable: Deployable) -> EvaluationSet:
    """Return the items that a classifier may learn from.

    Raises:
        MethodError: The deployable is no classifier, has no labels to be judged by, or no items
            to learn from.
    """
    name, evaluation, training = deployable.name, deployable.evaluation, deployable.training
    if evaluation.labels is None or not evaluation.classes:
        raise MethodError(
            f"{name} has no class labels, by which fine-tuning is judged",
            "k210 finetune works for classifiers",
        )
    if training is None or len(training) < FEWEST:
        raise MethodError(
            f"{name} offers {len(training) if training else 'no'} items to learn from",
            f"its Deployable needs at least {FEWEST} in `training` (see harness/method.py)",
        )
    shared = set(training.ids) & set(evaluation.ids)
    if shared:
        raise MethodError(
            f"{name} offers {len(shared)} items to learn from that it is judged by, such as "
            f"{min(shared)}",
            "leave them out of its Deployable's `training`",
        )
    return training


def lessons(deployable: Deployable, progress: Progress = SILENT) -> Lessons:
    """Return the training items with the float module's answers.

    Raises:
        MethodError: See `check_trainable`.
    """
    training = check_trainable(deployable)
    subject = Subject(deployable.contract, deployable.outputs, deployable.module)
    outputs = FloatBackend().run(subject, training.inputs, progress).outputs
    labels = training.labels
    return Lessons(
        inputs=torch.from_numpy(training.inputs),
        logits=torch.from_numpy(outputs[deployable.outputs[0]]).flatten(1),
        labels=None if labels is None else torch.from_numpy(labels),
    )


def keep_back(found: Lessons, seed: int) -> tuple[Lessons, Lessons]:
    """Return what is learnt from, and a fifth of every class that is not.

    Raises:
        MethodError: No class has a second item to learn from.
    """
    random = np.random.default_rng(seed)
    labels = found.logits.argmax(1) if found.labels is None else found.labels
    kept: list[int] = []
    for label in sorted(set(labels.tolist())):
        places = random.permutation(torch.nonzero(labels == label).flatten().numpy())
        kept += places[: max(1, round(KEPT_BACK * len(places)))].tolist()
    learnt = np.setdiff1d(np.arange(len(found)), kept)
    if not len(learnt):
        raise MethodError(
            f"one item of each of {len(kept)} classes leaves nothing to learn from",
            "a fifth of each class is kept back to judge by: offer at least two of each",
        )
    return found.at(learnt), found.at(np.array(sorted(kept), np.int64))
