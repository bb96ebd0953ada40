import numpy as np
import pytest

from harness.blame.fix.judge import SNR, Judge
from harness.errors import UsageError
from harness.method import EvaluationSet


def scores(count, noise, seed):
    rng = np.random.default_rng(seed)
    exact = np.random.default_rng(0).normal(size=(count, 4))
    return {"y": (exact + noise * rng.normal(size=exact.shape)).astype(np.float32)}


def accuracy(outputs, evaluation):
    return {"accuracy": float((outputs["y"].argmax(1) == evaluation.labels).mean())}


def error_rate(outputs, evaluation):
    return {"error": 1 - accuracy(outputs, evaluation)["accuracy"]}


def labelled(count):
    images = np.zeros((count, 1, 2, 2), np.uint8)
    labels = scores(count, 0.0, 0)["y"].argmax(1)
    return EvaluationSet(tuple(map(str, range(count))), images, labels, tuple("abcd"))


def test_less_noise_is_sure_and_equal_noise_hardly_ever():
    judge = Judge(scores(40, 0.0, 0))
    before = scores(40, 0.1, 1)
    better = judge.compare(before, scores(40, 0.05, 2), 0)
    assert better.sure
    assert better.low < better.after - better.before < better.high
    assert better.after - better.before == pytest.approx(6, abs=2)
    surprises = [judge.compare(before, scores(40, 0.1, seed), 0).sure for seed in range(2, 42)]
    assert sum(surprises) <= 6


def test_the_halves_share_no_image_and_all_are_used():
    first, second = Judge(scores(31, 0.0, 0)).halves
    assert sorted([*first, *second]) == list(range(31))


@pytest.mark.parametrize(
    ("metric", "name", "sign"), [(accuracy, "accuracy", 1), (error_rate, "error", -1)]
)
def test_a_task_metric_judges_where_the_model_falls_short_in_it(metric, name, sign):
    judge = Judge(scores(60, 0.0, 0), labelled(60), metric)
    bad = judge.by_task(scores(60, 3.0, 1))
    assert (bad.metric, bad.sign) == (name, sign)
    assert bad.compare(scores(60, 3.0, 1), scores(60, 0.1, 2), 1).sure
    good = judge.by_task(scores(60, 0.01, 1))
    assert good.metric == SNR


def test_too_few_images_are_refused():
    with pytest.raises(UsageError, match="11 images"):
        Judge(scores(11, 0.0, 0))
