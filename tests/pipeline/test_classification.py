"""Predictions are read from rows of scores, and from nothing else."""

import numpy as np
import pytest

from harness.backends.base import BackendResult
from harness.method import Deployable, EvaluationSet, InputContract
from harness.pipeline.classification import predictions


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((4, 3), {"float": [0, 1, 2, 0]}), ((4, 3, 8, 8), {}), ((4, 5), {}), ((4, 1), {})],
)
def test_only_rows_of_scores_name_classes(shape, wanted):
    images = np.zeros((4, 1, 8, 8), np.uint8)
    items = EvaluationSet(tuple("abcd"), images, np.zeros(4, np.int64), ("x", "y", "z"))
    deployable = Deployable("net", None, InputContract((1, 8, 8), "GRAY"), ("out",), images, items)
    scores = np.zeros(shape, "f4")
    scores[np.arange(4), np.arange(4) % min(3, shape[1])] = 1
    found = predictions(
        deployable, {"float": BackendResult("float", {"out": scores}, np.ones(4), {})}
    )
    assert {name: classes.tolist() for name, classes in found.items()} == wanted


def test_without_classes_nothing_is_named():
    images = np.zeros((2, 1, 8, 8), np.uint8)
    items = EvaluationSet(("a", "b"), images)
    deployable = Deployable("net", None, InputContract((1, 8, 8), "GRAY"), ("out",), images, items)
    result = BackendResult("float", {"out": np.zeros((2, 0), "f4")}, np.ones(2), {})
    assert predictions(deployable, {"float": result}) == {}
