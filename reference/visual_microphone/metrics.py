"""How near a recovered sound comes to the true one.

A recovered sound has no scale and no sign of its own: every measure fits both first, by least
squares. The paper's table has segmental SNR, mean log-likelihood ratio and intelligibility.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import linalg, signal

from reference.visual_microphone.filters import Sound

# Beyond these a JSON file has no word for it, and an ear no difference.
LIMIT_DB = 200.0
# Frames of speech measures: 30 ms, of which each overlaps the next by 3/4.
FRAME_S, OVERLAP = 0.03, 0.75
SEGMENT_LIMITS_DB = (-10.0, 35.0)
# Share of a sound's loudest frame below which a frame is silence.
SILENCE_DB = 40.0


def correlation(found: Sound, true: Sound) -> float:
    """Return |ρ| of two sounds [T]: 1 for the same up to scale and sign; 0 with silence."""
    a, b = found - found.mean(), true - true.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return min(1.0, abs(float(a @ b)) / size) if size else 0.0


def fitted(found: Sound, true: Sound) -> Sound:
    """Return `found` [T] times the factor, of either sign, at which it holds `true` once.

    What is left over is then noise that has nothing of `true` in it.
    """
    projection = float(found @ true)
    return found * (float(true @ true) / projection) if projection else np.zeros_like(found)


def snr_db(found: Sound, true: Sound) -> float:
    """Return how much stronger the sound in `found` is than the noise: 10 log₁₀ ρ²/(1 − ρ²)."""
    squared = correlation(found, true) ** 2
    return _db(squared, 1 - squared)


def segmental_snr(found: Sound, true: Sound, rate: float) -> float:
    """Return the mean SNR in dB of frames of 30 ms that are no silence, each within −10 to 35.

    J. H. L. Hansen and B. L. Pellom, ICSLP 1998.
    """
    frames = _framed(true, rate)
    noise = _framed(fitted(found, true), rate) - frames
    energy = (frames**2).sum(axis=1)
    loud = energy > energy.max() * 10 ** (-SILENCE_DB / 10)
    spoilt = np.maximum((noise[loud] ** 2).sum(axis=1), np.finfo(float).tiny)
    ratios = 10 * (np.log10(energy[loud]) - np.log10(spoilt))
    return float(np.clip(ratios, *SEGMENT_LIMITS_DB).mean())


def log_likelihood_ratio(found: Sound, true: Sound, rate: float) -> float:
    """Return the mean over frames of log(aᵀRa of `found`'s predictor / of `true`'s own).

    R is the autocorrelation of `true`; 0 is the same spectral shape, and lower is better. S. R.
    Quackenbush et al., *Objective Measures of Speech Quality*, 1988. Linear prediction of order
    10 below 10,000 samples a second and 16 above.
    """
    order = 10 if rate < 10_000 else 16
    window = np.hanning(_samples(rate))
    ratios = [
        _spectral_ratio(a * window, b * window, order)
        for a, b in zip(_framed(found, rate), _framed(true, rate), strict=True)
        if a.any() and b.any()
    ]
    return float(np.mean(ratios)) if ratios else 0.0


def spectral_convergence(found: Sound, true: Sound) -> float:
    """Return the distance of the magnitudes of both STFTs, as a share of the true one's size."""
    options = {"nperseg": min(256, len(true))}
    _, _, a = signal.stft(fitted(found, true), **options)
    _, _, b = signal.stft(true, **options)
    size = np.linalg.norm(b)
    return float(np.linalg.norm(np.abs(a) - np.abs(b)) / size) if size else 1.0


def _db(power: float, noise: float) -> float:
    if power <= 0:
        return -LIMIT_DB
    return min(LIMIT_DB, 10 * math.log10(power / noise)) if noise > 0 else LIMIT_DB


def _samples(rate: float) -> int:
    return max(32, round(FRAME_S * rate))


def _framed(sound: Sound, rate: float) -> npt.NDArray[np.float64]:
    """Return [frames, samples]; one frame, where the sound is shorter."""
    size = min(_samples(rate), len(sound))
    step = max(1, round(size * (1 - OVERLAP)))
    return np.lib.stride_tricks.sliding_window_view(sound, size)[::step]


def _spectral_ratio(found: Sound, true: Sound, order: int) -> float:
    shape = _autocorrelation(true, order)
    matrix = linalg.toeplitz(shape)
    a, b = (_predictor(values) for values in (_autocorrelation(found, order), shape))
    return math.log(float(a @ matrix @ a) / float(b @ matrix @ b))


def _autocorrelation(frame: Sound, order: int) -> Sound:
    values = np.array([frame[: len(frame) - lag] @ frame[lag:] for lag in range(order + 1)])
    # A floor of −90 dB: pure tones can be predicted without an error.
    values[0] *= 1 + 1e-9
    return values


def _predictor(autocorrelation: Sound) -> Sound:
    column = autocorrelation[:-1]
    return np.concatenate([[1.0], -linalg.solve_toeplitz(column, autocorrelation[1:])])
