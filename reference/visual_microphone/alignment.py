"""Bands brought into step by cross-correlation, and added up.

The paper's lag is argmax_τ Φ_0(t)ᵀ Φ_i(t − τ). That of the largest absolute correlation is taken
here, with its sign: of two bands that look in opposite directions, one sees any motion upside down.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import signal

Signals = npt.NDArray[np.float64]


class Alignment(NamedTuple):
    """How one band is brought into step with another.

    Attributes:
        lag: By how many samples it has to be shifted, later where positive.
        sign: 1, or −1 where it has to be turned upside down.
    """

    lag: int
    sign: int


def alignment(reference: Signals, other: Signals, most: int | None = None) -> Alignment:
    """Return how `other` [T] fits best onto `reference` [T]; as it is, where it never does.

    Args:
        reference: What stays where it is.
        other: What is moved.
        most: Largest lag, in samples; None for any.
    """
    found = signal.correlate(reference, other, "full", "fft")
    lags = np.arange(len(found)) - (len(other) - 1)
    size = np.abs(found) * (np.abs(lags) <= (len(other) if most is None else most))
    # The transform's rounding makes small differences out of equal ones: the smallest lag wins.
    best = np.flatnonzero(size >= size.max() * (1 - 1e-9))
    place = best[np.argmin(np.abs(lags[best]))]
    if not size[place] > 0:
        return Alignment(0, 1)
    return Alignment(int(lags[place]), 1 if found[place] > 0 else -1)


def shifted(values: Signals, lag: int) -> Signals:
    """Return [T] values moved by `lag` samples; zeros come in."""
    moved = np.zeros_like(values)
    if lag >= 0:
        moved[lag:] = values[: len(values) - lag]
    else:
        moved[:lag] = values[-lag:]
    return moved


def aligned_sum(bands: Signals, most: int | None = None) -> tuple[Signals, tuple[Alignment, ...]]:
    """Return the sum of bands [B, T] in step, and how each was brought there; `most` as above.

    All are brought into step with the one that moves most, in whichever order they come. (The
    paper takes the first, which may be one that sees nothing of the motion.)
    """
    centred = bands - bands.mean(axis=1, keepdims=True)
    reference = centred[int(np.argmax((centred**2).sum(axis=1)))]
    found = tuple(alignment(reference, band, most) for band in centred)
    parts = [one.sign * shifted(band, one.lag) for one, band in zip(found, centred, strict=True)]
    return np.sum(parts, axis=0), found
