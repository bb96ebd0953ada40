"""High-pass, spectral subtraction, scaling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import signal

from harness.errors import MethodError
from reference.visual_microphone.filters import (
    high_pass,
    scaled,
    spectral_subtraction,
    subtracted,
)

RATE = 2200.0
sounds = arrays(float, st.integers(2, 300), elements=st.floats(-5, 5))


@given(st.floats(-100, 100), st.floats(-100, 100), st.integers(64, 2000))
def test_drift_is_taken_off(start, slope, count):
    ramp = start + slope * np.linspace(0, 1, count)
    assert np.abs(high_pass(ramp, RATE, 55)).max() < 1e-3


def test_low_tones_go_and_high_ones_stay_where_they_are():
    times = np.arange(2200) / RATE
    low, high = (np.sin(2 * np.pi * hz * times) for hz in (10, 300))
    middle = slice(300, -300)
    assert np.abs(high_pass(low, RATE, 55)[middle]).max() < 1e-3
    assert np.abs(high_pass(high, RATE, 55) - high)[middle].max() < 1e-2


@given(sounds)
def test_short_sounds_are_filtered_too(sound):
    assert np.isfinite(high_pass(sound, RATE, 55)).all()
    assert high_pass(sound, RATE, 0).shape == sound.shape


def test_a_cutoff_beyond_the_rate_is_refused():
    with pytest.raises(MethodError, match=r"nothing above a cutoff of 55 Hz → .*--set cutoff"):
        high_pass(np.zeros(100), 100, 55)


@given(sounds)
def test_scaling_spans_minus_one_to_one(sound):
    found = scaled(sound)
    if sound.max() > sound.min():
        assert (found.min(), found.max()) == pytest.approx((-1, 1))
    else:
        assert not found.any()


@given(sounds, st.floats(0, 1))
def test_subtraction_never_adds_and_never_turns_a_phase(sound, quantile):
    _, _, before = signal.stft(sound, nperseg=min(32, len(sound)))
    after = subtracted(before, quantile)
    assert (np.abs(after) <= np.abs(before) * (1 + 1e-12) + 1e-12).all()
    assert ((after * before.conj()).real >= -1e-12).all()
    assert np.abs((after * before.conj()).imag).max() < 1e-9


@given(sounds)
def test_subtracted_sounds_keep_their_length(sound):
    assert spectral_subtraction(sound).shape == sound.shape


def test_steady_noise_goes_and_a_short_tone_stays():
    times = np.arange(4400) / RATE
    tone = np.sin(2 * np.pi * 400 * times) * ((times > 0.5) & (times < 1.2))
    noisy = tone + 0.3 * np.random.default_rng(0).standard_normal(len(tone))
    cleaned = spectral_subtraction(noisy)
    silent = times > 1.4
    assert cleaned[silent].std() < 0.75 * noisy[silent].std()
    assert np.corrcoef(cleaned, tone)[0, 1] > np.corrcoef(noisy, tone)[0, 1]
