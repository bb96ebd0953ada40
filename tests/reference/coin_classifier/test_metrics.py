"""Accuracy and confusion matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.method import EvaluationSet
from reference.coin_classifier.metrics import accuracy, confusion_matrix, task_metrics

CLASSES = 3
guesses = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        *[arrays(np.int64, count, elements=st.integers(0, CLASSES - 1)) for _ in range(2)]
    )
)


@given(guesses)
def test_rows_sum_to_the_class_counts_and_the_trace_to_the_hits(pair):
    labels, predicted = pair
    matrix = confusion_matrix(labels, predicted, CLASSES)
    assert matrix.sum(axis=1).tolist() == [int((labels == k).sum()) for k in range(CLASSES)]
    assert np.trace(matrix) / matrix.sum() == pytest.approx(accuracy(labels, predicted))


@given(guesses, st.permutations(range(CLASSES)))
def test_renaming_classes_permutes_the_matrix(pair, order):
    labels, predicted = pair
    renamed = np.array(order)
    matrix = confusion_matrix(labels, predicted, CLASSES)
    permuted = confusion_matrix(renamed[labels], renamed[predicted], CLASSES)
    assert np.array_equal(permuted[np.ix_(order, order)], matrix)


def test_a_cell_counts_its_true_row_and_predicted_column():
    matrix = confusion_matrix(np.array([0, 0, 2]), np.array([1, 0, 2]), CLASSES)
    assert matrix.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_task_metrics_judge_the_highest_logit():
    logits = np.array([[3, 1], [0, 2], [5, 4]], np.float32)
    images = np.zeros((3, 3, 1, 1), np.uint8)
    labelled = EvaluationSet(("a", "b", "c"), images, np.array([0, 1, 1]), ("x", "y"))
    assert task_metrics({"logits": logits}, labelled) == {"accuracy": pytest.approx(2 / 3)}
    assert task_metrics({"logits": logits}, EvaluationSet(("a", "b", "c"), images)) == {}
