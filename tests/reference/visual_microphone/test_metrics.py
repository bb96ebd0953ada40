"""The measures of the paper's table: by hand, by their laws, and against a peer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from reference.visual_microphone import metrics
from reference.visual_microphone.intelligibility import stoi
from reference.visual_microphone.scenes import speech_like
from reference.visual_microphone.speech import can_speak, spoken

RATE = 8000.0
LEVELS = (0.01, 0.1, 1.0)


def noisy(sound: np.ndarray, level: float, seed: int = 0) -> np.ndarray:
    return sound + level * sound.std() * np.random.default_rng(seed).standard_normal(len(sound))


@pytest.fixture(scope="module")
def speech():
    return speech_like(12_000, RATE, 1)


MEASURES = {
    "snr": metrics.snr_db,
    "segmental": lambda found, true: metrics.segmental_snr(found, true, RATE),
    "llr": lambda found, true: -metrics.log_likelihood_ratio(found, true, RATE),
    "stoi": lambda found, true: stoi(found, true, RATE),
    "convergence": lambda found, true: -metrics.spectral_convergence(found, true),
}


@pytest.mark.parametrize("name", MEASURES)
def test_more_noise_is_worse_and_scale_and_sign_do_not_matter(name, speech):
    measure = MEASURES[name]
    found = [measure(noisy(speech, level), speech) for level in LEVELS]
    assert found[0] > found[1] > found[2]
    assert measure(-7 * noisy(speech, 0.1), speech) == pytest.approx(found[1], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "best"), [("snr", 200), ("segmental", 35), ("llr", 0), ("stoi", 1)]
)
def test_the_sound_itself_is_perfect(name, best, speech):
    assert MEASURES[name](speech, speech) == pytest.approx(best, abs=1e-6)


@given(st.floats(-20, 40), st.integers(0, 99))
def test_the_ratio_is_that_of_the_powers(level, seed):
    rng = np.random.default_rng(seed)
    true, noise = rng.standard_normal((2, 400))
    true -= true.mean()
    noise -= noise.mean()
    noise -= true * (noise @ true) / (true @ true)
    noise *= np.linalg.norm(true) / np.linalg.norm(noise) * 10 ** (-level / 20)
    assert metrics.snr_db(true + noise, true) == pytest.approx(level, abs=1e-6)


def test_silence_is_as_bad_as_it_can_be(speech):
    silence = np.zeros_like(speech)
    assert metrics.snr_db(silence, speech) == -200
    assert metrics.correlation(silence, speech) == 0
    assert metrics.segmental_snr(silence, speech, RATE) == pytest.approx(0, abs=1e-6)
    assert metrics.log_likelihood_ratio(silence, speech, RATE) == 0


def test_intelligibility_is_that_of_its_peer(speech):
    peer = pytest.importorskip("pystoi", reason="pystoi is not installed")
    for rate in (8000, 10_000, 16_000):
        for level in LEVELS:
            heard = noisy(speech, level)
            # The peer's resampling has a filter of its own.
            apart = 1e-9 if rate == 10_000 else 0.02
            fitted = metrics.fitted(heard, speech)
            expected = peer.stoi(speech, fitted, rate)
            assert stoi(heard, speech, rate) == pytest.approx(expected, abs=apart)


def test_a_word_is_too_short_to_be_understood():
    with pytest.raises(DataError, match="too few for intelligibility"):
        stoi(np.ones(800), np.ones(800), RATE)


@pytest.mark.skipif(not can_speak(), reason="espeak-ng is not installed")
def test_a_spoken_phrase_has_the_length_of_speech():
    found = spoken(4000)
    assert 1.5 < len(found) / 4000 < 5
    assert np.abs(found).max() == 1
    assert stoi(found, found, 4000) == pytest.approx(1)


def test_without_the_synthesiser_one_line_says_so(monkeypatch):
    from harness.errors import SetupError

    monkeypatch.setenv("PATH", "")
    assert not can_speak()
    with pytest.raises(SetupError, match="espeak-ng is not installed → install it"):
        spoken(8000)
