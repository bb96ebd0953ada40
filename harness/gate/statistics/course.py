"""Whether a run is worse than the runs before it, and since when.

A course is one figure over runs of the same items, oldest first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.gate.statistics.paired import Better, Floats

# With fewer runs their spread says too little.
MIN_EARLIER = 6
MIN_COURSE = 8
PERMUTATIONS = 1_999


@dataclass(frozen=True)
class Outlier:
    """How far a run lies from those before it.

    Attributes:
        earlier: How many there are.
        mean: Their mean.
        spread: Their standard deviation, at least what half an item is worth.
        value: The run's.
        p: How likely a run of the same kind is at least as bad, one-sided.
    """

    earlier: int
    mean: float
    spread: float
    value: float
    p: float


@dataclass(frozen=True)
class ChangePoint:
    """Where a course changes its level.

    Attributes:
        at: Place of the first run of the new level.
        before: Mean before it.
        after: Mean from it on.
        p: How likely a course without a change looks so much like one.
    """

    at: int
    before: float
    after: float
    p: float


def outlier(earlier: Sequence[float], value: float, better: Better, items: int) -> Outlier | None:
    """Test a run against those before it, by the t interval of one more value.

    Returns:
        None where there are too few.
    """
    count = len(earlier)
    if count < MIN_EARLIER:
        return None
    mean = float(np.mean(earlier))
    spread = max(float(np.std(earlier, ddof=1)), 0.5 / items)
    loss = (mean - value) if better == "higher" else (value - mean)
    t = loss / (spread * math.sqrt(1 + 1 / count))
    return Outlier(count, mean, spread, value, float(stats.t.sf(t, count - 1)))


def change_point(course: Sequence[float], seed: int = 0) -> ChangePoint | None:
    """Find the likeliest change of level, and how often chance makes one as clear.

    The statistic is the largest standardised difference of means over all places
    (cumulative sums); its distribution without a change is that of the shuffled course.

    Returns:
        None where the course is short, or flat.
    """
    values = np.asarray(course, np.float64)
    if values.size < MIN_COURSE or not np.ptp(values):
        return None
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)
    found = _contrast(values[None])[0]
    place = int(found.argmax())
    as_clear = (_contrast(shuffled).max(1) >= found[place] * (1 - 1e-12)).sum()
    at = place + 1
    return ChangePoint(
        at,
        float(values[:at].mean()),
        float(values[at:].mean()),
        float(1 + as_clear) / (PERMUTATIONS + 1),
    )


def _contrast(courses: Floats) -> Floats:
    """[C, R] → [C, R−1]: |difference of means| before and from each place, standardised."""
    runs = courses.shape[1]
    sums = np.cumsum(courses - courses.mean(1, keepdims=True), 1)[:, :-1]
    places = np.arange(1, runs)
    return np.asarray(np.abs(sums) / np.sqrt(places * (runs - places) / runs))
