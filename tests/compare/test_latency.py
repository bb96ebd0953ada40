import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.latency import summarise


@given(st.lists(st.floats(0, 1e4), min_size=2, max_size=50))
def test_percentiles_are_ordered_and_leave_the_first_item_out(times):
    found = summarise(np.array([1e9, *times]))
    assert min(times) <= found.p50 <= found.p95 <= found.p99 <= max(times)
    assert found.n == len(times)


def test_one_item_is_all_there_is():
    assert summarise(np.array([3.0])).p50 == 3
    assert summarise(np.zeros(0)) is None
