"""McNemar and bootstrap against SciPy's own, and against what a fair coin does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.gate.statistics.paired import mcnemar_p, paired_test, smallest_found


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_binomial_test(worse, better):
    wanted = 1.0
    if worse + better:
        wanted = stats.binomtest(worse, worse + better, 0.5, alternative="greater").pvalue
    assert mcnemar_p(worse, better) == pytest.approx(wanted, abs=1e-12)


@given(st.floats(1e-6, 0.5))
def test_the_smallest_that_is_found_is_the_smallest(alpha):
    k = smallest_found(alpha)
    assert mcnemar_p(k, 0) <= alpha
    assert k == 1 or mcnemar_p(k - 1, 0) > alpha


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60),
    st.sampled_from(["higher", "lower"]),
)
def test_items_are_counted(pairs, better):
    before, after = np.array(pairs, float).T
    test = paired_test(before, after, better)
    assert test.kind == "mcnemar"
    fell, rose = int((after < before).sum()), int((after > before).sum())
    assert (test.worse, test.better) == ((fell, rose) if better == "higher" else (rose, fell))
    assert test.change == pytest.approx((after - before).mean())
    low, high = test.interval
    assert -1 <= low <= test.change <= high <= 1


@given(st.integers(0, 2**32 - 1), st.integers(2, 200))
def test_nothing_changed_is_certain(seed, items):
    values = np.random.default_rng(seed).normal(size=items)
    test = paired_test(values, values, "higher")
    assert (test.p, test.interval, test.worse) == (1.0, (0.0, 0.0), 0)


def test_the_bootstrap_agrees_with_scipys():
    rng = np.random.default_rng(3)
    before = rng.normal(10, 3, 300)
    after = before - rng.normal(0.3, 1, 300)
    test = paired_test(before, after, "higher")
    wanted = stats.bootstrap(
        (after - before,), np.mean, method="percentile", n_resamples=9999, rng=4
    ).confidence_interval
    assert test.interval == pytest.approx((wanted.low, wanted.high), abs=0.01)
    assert test.p < 0.001
    assert paired_test(before, after, "lower").p > 0.999


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_chance_alone_is_as_rare_as_p_says(better):
    rng = np.random.default_rng(0)
    found = []
    for seed in range(200):
        a, b = rng.normal(size=(2, 100))
        found.append(paired_test(a, b, better, seed).p)
    assert np.mean(np.array(found) < 0.05) <= 0.1


def test_items_that_lost_their_number_are_counted_and_left_out():
    before = np.array([1.0, 2, np.nan, 4])
    after = np.array([1.0, np.nan, 3, 4])
    test = paired_test(before, after, "higher")
    assert (test.items, test.lost, test.change) == (2, 1, 0)
    assert paired_test(before, np.full(4, np.nan), "higher").lost == 3
