import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.latency import histogram, summarise


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=50))
def test_percentiles_are_ordered_and_leave_the_first_item_out(times):
    found = summarise(np.array([1e9, *times]))
    assert min(times) <= found.p50 <= found.p95 <= found.p99 <= max(times)
    assert found.n == len(times)


def test_one_item_is_all_there_is():
    assert summarise(np.array([3.0])).p50 == 3
    assert summarise(np.zeros(0)) is None


@given(st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=50), st.integers(1, 30))
def test_a_histogram_counts_every_item_but_the_first_once(times, bins):
    found = histogram(np.array([1e9, *times]), bins)
    assert sum(found.counts) == len(times)
    assert (found.edges_ms[0], found.edges_ms[-1]) == (min(times), max(times))
    assert len(found.edges_ms) == len(found.counts) + 1
    if len(found.counts) > 1:
        assert len(found.counts) == bins
        ratios = np.array(found.edges_ms[1:]) / found.edges_ms[:-1]
        assert ratios == pytest.approx(ratios[0])


def test_a_histogram_of_known_times():
    times = np.array([99.0, 1.0, 5.0, 20.0, 100.0, 100.0])
    assert histogram(times, 2).counts == (2, 3)
    assert histogram(times, 2).edges_ms == pytest.approx((1, 10, 100))


def test_what_no_logarithm_is_known_of_is_not_counted():
    assert histogram(np.array([7.0, 0.0, -1.0, np.inf, np.nan, 3.0])).counts == (1,)
    assert histogram(np.array([3.0])).edges_ms == (3, 3)
    assert histogram(np.array([1.0, 0.0])) is None
    assert histogram(np.zeros(0)) is None
