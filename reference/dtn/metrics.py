"""What a transfer is judged by: does it show the same digit, and does f say the same of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from harness.method import EvaluationSet
from reference.dtn.classify import EVALUATION_BATCH, predict
from reference.dtn.data import RARE, Side
from reference.dtn.networks import Classifier

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.method import Images, Tensors


class TransferMetrics:
    """Task metrics of one backend's pictures.

    `accuracy` is the paper's figure: the share of pictures that a classifier of T, which has
    never seen S, takes for the digit that S showed. `f_constancy` is L_CONST, with f in float.
    `f_accuracy` is that of the backend's own logits for the picture of S.

    Args:
        classifier: f with its head.
        judge: The classifier of T; None where T had no labels.
    """

    def __init__(self, classifier: Classifier, judge: Classifier | None) -> None:
        self.f, self.judge = classifier.encoder, judge

    def __call__(self, outputs: Tensors, evaluation: EvaluationSet) -> dict[str, float]:
        """Return the metrics of `logits` and `picture`."""
        found = self.of_pictures(outputs["picture"], evaluation.inputs, evaluation.labels)
        if evaluation.labels is not None:
            hits = outputs["logits"].argmax(axis=1) == evaluation.labels
            found["f_accuracy"] = float(hits.mean())
        return found

    def of_pictures(
        self,
        made: npt.NDArray[np.float32],
        source: Images,
        labels: npt.NDArray[np.int64] | None,
    ) -> dict[str, float]:
        """Return `f_constancy` and, where there are judge and labels, `accuracy`."""
        pictures = torch.from_numpy(np.asarray(made, np.float32))
        codes = predict(self.f, torch.from_numpy(source))
        found = {"f_constancy": F.mse_loss(_run(self.f, pictures), codes).item()}
        if self.judge is not None and labels is not None:
            hits = _run(self.judge, pictures).argmax(dim=1).numpy() == labels
            found["accuracy"] = float(hits.mean())
        return found


def accuracy(network: nn.Module, side: Side) -> float:
    """Return the share of a labelled side's pictures that a classifier knows."""
    predicted = predict(network, torch.from_numpy(side.images)).argmax(dim=1).numpy()
    return float((predicted == side.labels).mean())


def grey(side: Side) -> Side:
    """Return pictures of S without their colours, as a classifier of T can be shown them."""
    images = side.images.mean(axis=1, keepdims=True).round().astype(np.uint8)
    return Side(side.ids, images, side.labels)


def judged(
    classifier: Classifier, transfer: nn.Module, judge: Classifier | None, test: Side, of_t: Side
) -> Mapping[str, float]:
    """Return all figures of one trained transfer, in float, on pictures that it has not seen.

    Besides those of `TransferMetrics`: `judge_accuracy`, of the judge on real pictures of T, and
    `raw_accuracy`, of the judge on S as it is: the ceiling and the floor of `accuracy`.
    """
    made = predict(transfer, torch.from_numpy(test.images)).numpy()
    found = TransferMetrics(classifier, judge).of_pictures(made, test.images, test.labels)
    if test.labels is not None:
        found["f_accuracy"] = accuracy(classifier, test)
    if judge is not None and of_t.labels is not None:
        found["judge_accuracy"] = accuracy(judge, of_t)
        if test.labels is not None:
            found["raw_accuracy"] = accuracy(judge, grey(test))
    return found


def by_rarity(transfer: nn.Module, judge: Classifier | None, test: Side) -> dict[str, float]:
    """Return the judge's accuracy on classes that T shows often and on those that are rare in it.

    A G that looks like T alone turns the rare ones into the others. Empty without judge or labels,
    and without a kind that `test` lacks.
    """
    if judge is None or test.labels is None:
        return {}
    made = predict(transfer, torch.from_numpy(test.images))
    hits = _run(judge, made).argmax(dim=1).numpy() == test.labels
    rare = np.isin(test.labels, RARE)
    kinds = {"often": hits[~rare], "rare": hits[rare]}
    return {name: float(of_kind.mean()) for name, of_kind in kinds.items() if len(of_kind)}


@torch.no_grad()
def _run(network: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    return torch.cat([network(batch) for batch in torch.split(pictures, EVALUATION_BATCH)])
