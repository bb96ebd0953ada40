"""Distances between two arrays of the same shape, computed in float64.

`reference` and `candidate` are [N, ...] arrays; every figure is taken over all values of the
batch, so that an item whose output is small weighs little.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def cosine(reference: Array, candidate: Array) -> float:
    """Return the cosine of the angle between two arrays taken as vectors, in [-1, 1].

    Two zero vectors count as equal (1), a zero vector against another as orthogonal (0).
    """
    a, b = _vectors(reference, candidate)
    # Scaling first keeps squares of very large and very small values finite.
    a_norm, b_norm = _norm(a), _norm(b)
    if math.isnan(a_norm) or math.isnan(b_norm):
        return math.nan
    if a_norm == 0 or b_norm == 0:
        return 1.0 if a_norm == b_norm else 0.0
    return float(np.clip(np.dot(a / a_norm, b / b_norm), -1.0, 1.0))


def max_abs(reference: Array, candidate: Array) -> float:
    """Return the largest absolute difference."""
    a, b = _vectors(reference, candidate)
    return float(np.max(np.abs(a - b), initial=0.0))


def mean_abs(reference: Array, candidate: Array) -> float:
    """Return the mean absolute difference."""
    a, b = _vectors(reference, candidate)
    return float(np.mean(np.abs(a - b))) if a.size else 0.0


def rmse(reference: Array, candidate: Array) -> float:
    """Return the root of the mean squared difference."""
    a, b = _vectors(reference, candidate)
    return _norm(a - b) / math.sqrt(a.size) if a.size else 0.0


def snr_db(reference: Array, candidate: Array) -> float | None:
    """Return the signal-to-noise ratio in dB: reference power over error power.

    None stands for infinity (the arrays are equal), since JSON has no word for it.
    """
    a, b = _vectors(reference, candidate)
    signal, noise = _norm(a), _norm(a - b)
    if noise == 0:
        return None
    return 20 * (math.log10(signal) - math.log10(noise)) if signal else -math.inf


def top1_agreement(reference: Array, candidate: Array) -> float:
    """Return the share of items whose largest value stands at the same place, in [0, 1]."""
    same = top1(reference) == top1(candidate)
    return float(np.mean(same)) if same.size else 1.0


def top1(scores: Array) -> npt.NDArray[np.int64]:
    """Return the position of the largest value of each item; the first one of several equals."""
    flat = scores.reshape(len(scores), math.prod(scores.shape[1:]))
    return np.asarray(np.argmax(flat, axis=1), np.int64)


def _vectors(
    reference: Array, candidate: Array
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return (
        np.asarray(reference, np.float64).reshape(-1),
        np.asarray(candidate, np.float64).reshape(-1),
    )


def _norm(vector: npt.NDArray[np.float64]) -> float:
    largest = float(np.max(np.abs(vector), initial=0.0))
    return largest * float(np.linalg.norm(vector / largest)) if largest else 0.0
