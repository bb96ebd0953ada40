"""Short-time objective intelligibility (STOI).

C. H. Taal et al., *An algorithm for intelligibility prediction of time-frequency weighted noisy
speech*, IEEE TASLP 19, 2011.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy import signal

from harness.errors import DataError
from reference.visual_microphone.filters import Sound
from reference.visual_microphone.metrics import fitted

RATE = 10_000
FRAME, HOP, TRANSFORM = 256, 128, 512
BANDS, LOWEST_HZ = 15, 150.0
# Frames of a segment: 384 ms.
SEGMENT = 30
LEAST_SDR_DB = -15.0
RANGE_DB = 40.0

Array = npt.NDArray[np.float64]


def stoi(found: Sound, true: Sound, rate: float) -> float:
    """Return how well `found` is understood, up to 1, by the mean correlation of envelopes.

    Args:
        found: [T], of either sign.
        true: [T], clean speech.
        rate: Samples a second; what is above half of it is silent in both.

    Raises:
        DataError: There is less than 384 ms of speech.
    """
    ratio = Fraction(RATE / rate).limit_denominator(10_000)
    at_rate = [
        signal.resample_poly(one, ratio.numerator, ratio.denominator)
        for one in (true, fitted(found, true))
    ]
    clean, heard = _without_silence(*at_rate)
    bands = _third_octaves()
    x, y = (np.sqrt(bands @ np.abs(_spectra(one)) ** 2) for one in (clean, heard))
    if x.shape[1] < SEGMENT:
        raise DataError(
            f"{x.shape[1] * HOP / RATE * 1000:.0f} ms of speech are too few for intelligibility",
            f"give at least {SEGMENT * HOP / RATE * 1000:.0f} ms",
        )
    x, y = (np.lib.stride_tricks.sliding_window_view(one, SEGMENT, axis=1) for one in (x, y))
    return float(_correlations(x, _clipped(x, y)).mean())


def _without_silence(true: Sound, found: Sound) -> tuple[Sound, Sound]:
    """Take out of both the frames in which `true` is silent."""
    window = np.hanning(FRAME + 2)[1:-1]
    framed = [
        np.lib.stride_tricks.sliding_window_view(one, FRAME)[::HOP] * window
        for one in (true, found)
    ]
    size = np.linalg.norm(framed[0], axis=1)
    loud = size > size.max() * 10 ** (-RANGE_DB / 20)
    return _overlapped(framed[0][loud]), _overlapped(framed[1][loud])


def _overlapped(frames: Array) -> Sound:
    total = np.zeros((len(frames) - 1) * HOP + FRAME)
    for number, frame in enumerate(frames):
        total[number * HOP : number * HOP + FRAME] += frame
    return total


def _spectra(sound: Sound) -> npt.NDArray[np.complex128]:
    """Return [TRANSFORM / 2 + 1, frames]."""
    window = np.hanning(FRAME + 2)[1:-1]
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME)[:-1:HOP] * window
    return np.fft.rfft(frames, TRANSFORM).T


def _third_octaves() -> Array:
    """Return which bins of a spectrum belong to which band: [BANDS, bins], 0 or 1."""
    bins = np.linspace(0, RATE / 2, TRANSFORM // 2 + 1)
    centres = LOWEST_HZ * 2 ** (np.arange(BANDS) / 3)
    low, high = (
        np.abs(bins[None] - (centres * 2 ** (edge / 6))[:, None]).argmin(axis=1) for edge in (-1, 1)
    )
    places = np.arange(len(bins))
    return np.asarray((places >= low[:, None]) & (places < high[:, None]), float)


def _clipped(x: Array, y: Array) -> Array:
    """Scale envelopes [..., SEGMENT] of y to those of x, and limit by how much they exceed them."""
    scale = _norm(x) / np.maximum(_norm(y), np.finfo(float).eps)
    return np.minimum(y * scale, x * (1 + 10 ** (-LEAST_SDR_DB / 20)))


def _correlations(x: Array, y: Array) -> Array:
    x, y = (one - one.mean(axis=-1, keepdims=True) for one in (x, y))
    sizes = np.maximum(_norm(x) * _norm(y), np.finfo(float).eps)
    return np.asarray((x * y).sum(axis=-1) / sizes[..., 0])


def _norm(values: Array) -> Array:
    return np.asarray(np.linalg.norm(values, axis=-1, keepdims=True))
