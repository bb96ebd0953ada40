"""A metric is taken apart into items exactly where it is their mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.item_scores import item_scores
from harness.method import EvaluationSet


def evaluation(items):
    rng = np.random.default_rng(items)
    return EvaluationSet(
        tuple(map(str, range(items))),
        rng.integers(0, 256, (items, 1, 2, 2), dtype=np.uint8),
        rng.integers(0, 3, items),
        ("a", "b", "c"),
    )


def metrics(outputs, data):
    logits = outputs["logits"]
    errors = np.abs(logits - data.labels[:, None]).mean(1)
    return {
        "accuracy": float((logits.argmax(1) == data.labels).mean()),
        "mean_error": float(errors.mean()),
        "median_error": float(np.median(errors)),
        "rmse": float(np.sqrt((errors**2).mean())),
    }


@given(st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_means_are_taken_apart_and_others_are_not(items, seed):
    data = evaluation(items)
    outputs = {"logits": np.random.default_rng(seed).normal(size=(items, 3)).astype("f4")}
    whole, found = metrics(outputs, data), item_scores(metrics, outputs, data)
    assert set(found) >= {"accuracy", "mean_error"}
    for name, values in found.items():
        assert len(values) == items
        assert np.mean(values) == pytest.approx(whole[name], rel=1e-5, abs=1e-5)
    right = outputs["logits"].argmax(1) == data.labels
    assert found["accuracy"] == tuple(right.astype(float))
    if items > 10:
        assert not {"median_error", "rmse"} & set(found)


def test_a_metric_that_bears_no_single_item_gives_none():
    def spread(outputs, data):
        if len(data) < 2:
            raise ValueError("at least two")
        return {"spread": float(np.std(outputs["logits"]))}

    data = evaluation(4)
    assert item_scores(spread, {"logits": np.ones((4, 3), "f4")}, data) == {}
