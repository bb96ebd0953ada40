"""What is said of classifiers: predictions, confusion, and the pictures they disagree on."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.backends.base import BackendResult
from harness.compare.metrics import top1
from harness.compare.statistics import confusion
from harness.method import Deployable, EvaluationSet
from harness.pipeline.folder import file_name

# More pictures than this tell a person nothing new.
MAX_PICTURES = 100

Predictions = Mapping[str, npt.NDArray[np.int64]]


def predictions(deployable: Deployable, results: Mapping[str, BackendResult]) -> Predictions:
    """Return the class index [N] that each backend gives each item.

    Nothing where the first output is no row of scores, one a class: a method may know the classes
    of its items and still make pictures of them.
    """
    outputs = {name: result.outputs[deployable.outputs[0]] for name, result in results.items()}
    scores = len(deployable.evaluation), len(deployable.evaluation.classes)
    if not scores[1] or any(output.shape != scores for output in outputs.values()):
        return {}
    return {name: top1(output) for name, output in outputs.items()}


def confusion_of(
    evaluation: EvaluationSet, predicted: npt.NDArray[np.int64] | None
) -> tuple[tuple[int, ...], ...] | None:
    """Return the confusion matrix, where there are labels."""
    if evaluation.labels is None or predicted is None:
        return None
    return confusion(evaluation.labels.tolist(), predicted.tolist(), len(evaluation.classes))


def label_of(evaluation: EvaluationSet, index: int) -> str | None:
    """Return the true class of an item in words: its name, or its number without names."""
    if evaluation.labels is None:
        return None
    label = int(evaluation.labels[index])
    return evaluation.classes[label] if evaluation.classes else str(label)


def disagreeing_items(predicted: Predictions) -> list[int]:
    """Return the positions of items that not all backends take for the same class."""
    if len(predicted) < 2:
        return []
    stacked = np.stack(list(predicted.values()))
    return [int(index) for index in np.flatnonzero((stacked != stacked[0]).any(axis=0))]


def picture_of(deployable: Deployable, index: int) -> tuple[str, bytes]:
    """Return file name and PNG bytes of one input, as a person sees it."""
    evaluation = deployable.evaluation
    image = evaluation.inputs[index]
    if deployable.contract.color == "BGR":
        image = image[::-1]
    pixels = image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"{index:05d}_{file_name(evaluation.ids[index])}.png", buffer.getvalue()


def remarks(deployable: Deployable, predicted: Predictions) -> tuple[str, ...]:
    """Return what a reader should know before trusting the agreement of predictions."""
    found = {int(one) for classes in predicted.values() for one in classes}
    if len(deployable.evaluation) < 2 or len(found) != 1:
        return ()
    name = deployable.evaluation.classes[found.pop()]
    return (
        f"every backend takes every item for class {name}: that they agree says little, "
        "and the network may have learned nothing",
    )
