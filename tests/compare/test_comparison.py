import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.compare import compare
from harness.errors import UsageError
from harness.method import Tolerance

values = st.floats(-100, 100, width=32)


@st.composite
def outputs(draw):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=5))
    array = hnp.arrays(np.float32, shape, elements=values)
    return {"y": draw(array)}, {"y": draw(array)}


@given(outputs(), st.floats(-1, 1), st.floats(0, 50))
def test_the_tolerance_that_would_pass_passes(pair, cosine, limit):
    tolerance = Tolerance(cosine=cosine, max_abs=limit, mean_abs=limit, rmse=limit, snr_db=limit)
    entry = compare(*pair, tolerance={"y": tolerance}).outputs["y"]
    relaxed = entry.tolerance_that_would_pass
    if relaxed:
        again = compare(*pair, tolerance={"y": Tolerance(**relaxed)}).outputs["y"]
        assert again.within_tolerance, (entry.failures, relaxed, again.failures)


@given(outputs())
def test_the_tolerance_that_would_pass_is_not_generous(pair):
    entry = compare(*pair, tolerance={"y": Tolerance(max_abs=0)}).outputs["y"]
    for name, value in entry.tolerance_that_would_pass.items():
        assert value <= getattr(entry, name) * 1.002


def test_worst_item_is_named():
    a = np.eye(3, dtype=np.float32)
    b = a.copy()
    b[1] = [1, 0, 0]
    entry = compare({"y": a}, {"y": b}, ids=["first", "second", "third"]).outputs["y"]
    assert (entry.worst_item, entry.worst_cosine) == ("second", 0)
    assert entry.top1_agreement == pytest.approx(2 / 3)


@pytest.mark.parametrize("shape", [(1,), (3, 4, 5), (1, 4, 5), (2, 3)])
def test_what_is_no_row_of_scores_has_no_top1(shape):
    a = np.ones((4, *shape), np.float32)
    assert compare({"y": a}, {"y": a}).outputs["y"].top1_agreement is None


@pytest.mark.parametrize("shape", [(6,), (1, 6), (6, 1, 1)])
def test_rows_of_scores_have_a_top1(shape):
    a = np.arange(24, dtype=np.float32).reshape(4, *shape)
    assert compare({"y": a}, {"y": a}).outputs["y"].top1_agreement == 1


def test_verdict_is_open_without_limits_and_needs_all_judged_outputs():
    a, b = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    both = {"x": a, "y": a}, {"x": a, "y": b}
    assert compare(*both).within_tolerance is None
    limit = Tolerance(max_abs=0.5)
    assert compare(*both, tolerance={"x": limit}).within_tolerance is True
    assert compare(*both, tolerance={"x": limit, "y": limit}).within_tolerance is False


def test_nan_is_never_within_tolerance():
    a = np.ones((1, 2), np.float32)
    b = np.full((1, 2), np.nan, np.float32)
    with pytest.raises(AssertionError):
        compare({"y": a}, {"y": b}).assert_within(max_abs=10)
    with pytest.raises(AssertionError):
        compare({"y": a}, {"y": b}).assert_within(cosine=-1)


def test_assert_within_says_what_would_pass():
    a = np.array([[1.0, 0.0]], np.float32)
    b = np.array([[0.9, 0.1]], np.float32)
    comparison = compare({"y": a}, {"y": b}, names=("float", "nncase"))
    comparison.assert_within(cosine=0.9)
    with pytest.raises(AssertionError, match=r"nncase is not within tolerance of float") as caught:
        comparison.assert_within(max_abs=0.01, cosine=0.9)
    assert "max_abs is 0.1, limit 0.01; max_abs=0.1" in str(caught.value)


def test_assert_within_without_a_limit_is_refused():
    a = np.ones((1, 2), np.float32)
    with pytest.raises(UsageError, match="no limit"):
        compare({"y": a}, {"y": a}).assert_within()


def test_different_outputs_are_refused():
    a = np.ones((1, 2), np.float32)
    with pytest.raises(UsageError, match="different outputs"):
        compare({"x": a}, {"y": a})
    with pytest.raises(UsageError, match="has shape"):
        compare({"x": a}, {"x": a[:, :1]})


def test_the_first_difference_is_the_first_in_the_order_of_items_and_elements():
    a = np.zeros((3, 2, 2), np.float32)
    b = a.copy()
    b[1, 1, 0], b[2, 0, 0] = 0.5, 3
    first = compare({"y": a}, {"y": b}, ids=["a", "b", "c"]).outputs["y"].first_difference
    assert (first.item, first.index) == ("b", (1, 0))
    assert (first.reference, first.candidate) == (0, 0.5)
    assert compare({"y": a}, {"y": b}).outputs["y"].first_difference.item == "1"


def test_two_values_that_are_no_number_do_not_differ_and_one_does():
    a = np.array([[np.nan, 1.0]], np.float32)
    assert compare({"y": a}, {"y": a}).outputs["y"].first_difference is None
    one = compare({"y": a}, {"y": np.zeros_like(a)}).outputs["y"].first_difference
    assert one.index == (0,)


def test_tolerances_that_would_pass_have_four_digits():
    a, b = np.array([[100.0, 0.0]]), np.array([[223.4561, 0.0]])
    limits = Tolerance(max_abs=0, snr_db=100)
    relaxed = compare({"y": a}, {"y": b}, tolerance={"y": limits}).outputs["y"]
    assert relaxed.tolerance_that_would_pass == pytest.approx({"max_abs": 123.5, "snr_db": -1.831})
    turned = np.array([[100.0, 1.2345678]])
    judged = compare({"y": a}, {"y": turned}, tolerance={"y": Tolerance(cosine=1)}).outputs["y"]
    # The distance to 1 is 7.6199e-5.
    assert judged.tolerance_that_would_pass["cosine"] == pytest.approx(1 - 7.62e-5, abs=1e-12)


def test_an_output_without_an_error_passes_any_ratio():
    a = np.ones((1, 2), np.float32)
    compare({"y": a}, {"y": a}).assert_within(snr_db=1000)


def test_a_metric_that_an_output_has_not_got_is_not_passed():
    a = np.ones((1, 3, 4, 5), np.float32)
    with pytest.raises(AssertionError, match=r"top1_agreement is nan.*no limit would pass"):
        compare({"y": a}, {"y": a}).assert_within(top1_agreement=0)
