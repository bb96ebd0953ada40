"""What a figure over many items is of each single one, for tests that pair items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.method import EvaluationSet, Tensors

# How far the mean of the items may lie from the figure, relative to it: both are sums of floats.
_SAME = 1e-6

Metrics = Callable[["Tensors", "EvaluationSet"], dict[str, float]]


def item_scores(
    metrics: Metrics, outputs: Tensors, evaluation: EvaluationSet
) -> dict[str, tuple[float, ...]]:
    """Return the task metrics of every single item, as far as they are means over items.

    Many a metric is (accuracy, a mean error), and many a one is not (a median, a correlation).
    Which one is, is found out: where the items' mean is the metric of all.

    Args:
        metrics: As a deployable has them.
        outputs: float32 [N, …] by name.
        evaluation: N items.

    Returns:
        Name of the metric → one value an item; metrics that are no means are left out.
    """
    whole = metrics(outputs, evaluation)
    try:
        single = [metrics(*_only(outputs, evaluation, item)) for item in range(len(evaluation))]
    except Exception:  # a method's own code, which never promised to bear a single item
        return {}
    return {
        name: values
        for name, value in whole.items()
        if (values := _values(single, name)) and _is_mean(values, value)
    }


def _only(outputs: Tensors, evaluation: EvaluationSet, item: int) -> tuple[Tensors, EvaluationSet]:
    one = slice(item, item + 1)
    labels = None if evaluation.labels is None else evaluation.labels[one]
    subset = replace(
        evaluation, ids=evaluation.ids[one], inputs=evaluation.inputs[one], labels=labels
    )
    return {name: array[one] for name, array in outputs.items()}, subset


def _values(single: Sequence[Mapping[str, float]], name: str) -> tuple[float, ...]:
    if not all(name in one for one in single):
        return ()
    return tuple(float(one[name]) for one in single)


def _is_mean(values: tuple[float, ...], whole: float) -> bool:
    if not np.isfinite(values).all():
        return False
    return abs(float(np.mean(values)) - whole) <= _SAME * max(1.0, abs(whole))
