"""A change of level is found where it is, and not where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.statistics.course import MIN_COURSE, change_point, outlier
from harness.gate.statistics.speed import speed_test


@given(st.integers(3, 20), st.integers(3, 20), st.floats(0.5, 5), st.integers(0, 1000))
def test_a_clean_step_is_found_at_its_place(before, after, step, seed):
    rng = np.random.default_rng(seed)
    course = np.concatenate([np.zeros(before), np.full(after, step)])
    course += rng.normal(0, step / 50, course.size)
    if course.size < MIN_COURSE:
        assert change_point(course) is None
        return
    found = change_point(course)
    assert found.at == before
    assert found.after - found.before == pytest.approx(step, rel=0.1)


def test_noise_changes_as_seldom_as_p_says():
    rng = np.random.default_rng(1)
    found = [change_point(rng.normal(size=30), seed).p for seed in range(200)]
    assert np.mean(np.array(found) < 0.05) <= 0.09
    assert 0.35 < np.median(found) < 0.65


@given(st.floats(-1, 1), st.integers(0, 40))
def test_a_flat_or_short_course_has_none(value, runs):
    assert change_point([value] * runs) is None


def test_a_run_is_an_outlier_by_the_spread_of_those_before():
    rng = np.random.default_rng(2)
    quiet = 0.9 + rng.normal(0, 0.001, 20)
    loud = 0.9 + rng.normal(0, 0.02, 20)
    assert outlier(quiet, 0.88, "higher", 1000).p < 1e-6
    assert outlier(loud, 0.88, "higher", 1000).p > 0.05
    assert outlier(quiet, 0.92, "higher", 1000).p > 0.99
    assert outlier(quiet, 0.92, "lower", 1000).p < 1e-6
    assert outlier(quiet[:5], 0.5, "higher", 1000) is None


def test_half_an_item_is_the_least_spread():
    assert outlier([0.9] * 10, 0.89, "higher", 100).p > 0.03


def test_a_slower_run_is_found_and_an_equal_one_is_not():
    rng = np.random.default_rng(3)
    base, same = 20 * rng.lognormal(0, 0.05, (2, 200))
    assert speed_test(base, same, 0.03).slower is False
    assert speed_test(base, same * 1.1, 0.03).slower is True
    assert speed_test(base, same * 1.1, 0.03, earlier=[20, 22, 24, 18]).slower is False
    assert speed_test(base[:5], same, 0.03) is None
