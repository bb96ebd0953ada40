import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.statistics import confusion, wilson_interval


@given(st.integers(1, 1000), st.data())
def test_interval_holds_the_share(total, data):
    hits = data.draw(st.integers(0, total))
    low, high = wilson_interval(hits, total)
    assert 0 <= low <= hits / total <= high <= 1
    flipped = wilson_interval(total - hits, total)
    assert (1 - flipped[1], 1 - flipped[0]) == pytest.approx((low, high))


def test_interval_of_the_service_mail():
    # 12 of 15: the interval that the project's notes quote, (0.55, 0.93).
    assert wilson_interval(12, 15) == pytest.approx((0.548, 0.930), abs=1e-3)
    assert wilson_interval(0, 0) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=50))
def test_confusion_counts_every_item_once(pairs):
    labels, predictions = [a for a, _ in pairs], [b for _, b in pairs]
    table = confusion(labels, predictions, 4)
    assert [sum(row) for row in table] == [labels.count(k) for k in range(4)]
    assert [sum(column) for column in zip(*table, strict=True)] == [
        predictions.count(k) for k in range(4)
    ]
    assert sum(table[k][k] for k in range(4)) == sum(a == b for a, b in pairs)
