"""Bands are brought into step: delays, signs, ties, and bands that say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reference.visual_microphone.alignment import aligned_sum, alignment, shifted


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count)


@given(st.integers(-40, 40), st.sampled_from([1, -1]), st.integers(0, 99))
def test_a_delayed_copy_is_found_to_the_sample(delay, sign, seed):
    original = noise(300, seed)
    found = alignment(original, sign * shifted(original, delay))
    assert found == (-delay, sign)


@given(st.integers(2, 200), st.integers(0, 99))
def test_identical_bands_stay_where_they_are(count, seed):
    band = noise(count, seed)
    assert alignment(band, band) == (0, 1)
    assert alignment(band, np.zeros(count)) == (0, 1)


def test_a_lag_can_be_limited():
    original = noise(300, 1)
    assert abs(alignment(original, shifted(original, 20), 8).lag) <= 8
    assert alignment(original, shifted(original, 5), 8) == (-5, 1)


def test_of_equal_peaks_the_nearest_wins():
    tone = np.sin(2 * np.pi * np.arange(400) / 8)
    assert alignment(tone, tone).lag == 0


@given(arrays(float, 20, elements=st.floats(-9, 9)), st.integers(-19, 19))
def test_shifting_brings_in_zeros(values, lag):
    moved = shifted(values, lag)
    for place in range(20):
        source = place - lag
        assert moved[place] == (values[source] if 0 <= source < 20 else 0)


@given(st.permutations(range(4)))
def test_the_sum_does_not_depend_on_the_order(order):
    clean = 3 * noise(200, 0)
    bands = np.stack([shifted(clean, lag) + noise(200, lag + 9) for lag in (0, 3, -2, 5)])
    bands[0] *= 2
    total, _ = aligned_sum(bands)
    again, _ = aligned_sum(bands[list(order)])
    assert np.abs(total - again).max() < 1e-9


def test_delayed_and_inverted_bands_add_up():
    clean = noise(300, 5)
    total, found = aligned_sum(np.stack([2 * clean, -shifted(clean, 7)]))
    assert found == ((0, 1), (-7, -1))
    assert np.corrcoef(total[20:-20], clean[20:-20])[0, 1] == pytest.approx(1, abs=1e-3)
