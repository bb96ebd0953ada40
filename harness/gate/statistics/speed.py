"""Whether a run is slower: medians, with the spread within each run and between runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.gate.statistics.paired import Floats

RESAMPLES = 1_999
MIN_LATENCIES = 10
# Between-run spread counts twice: about 95 % of runs lie within.
_SPREADS = 2.0


@dataclass(frozen=True)
class SpeedTest:
    """Medians in milliseconds, and their ratio.

    Attributes:
        before: Median of the baseline.
        after: Median of the run.
        ratio: `after` / `before`.
        interval: 95 % interval of the ratio, from the spread of both sides.
        allowed: Ratio that is put up with: the limit, and twice the spread between runs.
        slower: Whether the whole interval lies beyond it.
    """

    before: float
    after: float
    ratio: float
    interval: tuple[float, float]
    allowed: float
    slower: bool


def speed_test(
    before: Floats, after: Floats, limit: float, earlier: Sequence[float] = (), seed: int = 0
) -> SpeedTest | None:
    """Compare latencies, which need not be of the same items.

    Args:
        before: The baseline's, in milliseconds; NaN where none was taken.
        after: The run's.
        limit: Share by which a run may be slower.
        earlier: Medians of runs of the same kind, for the spread between runs.
        seed: Of the bootstrap.

    Returns:
        None where a side has too few.
    """
    a, b = before[np.isfinite(before)], after[np.isfinite(after)]
    if min(a.size, b.size) < MIN_LATENCIES:
        return None
    rng = np.random.default_rng(seed)
    ratios = _medians(b, rng) / _medians(a, rng)
    low, high = (float(value) for value in np.quantile(ratios, (0.025, 0.975)))
    allowed = 1 + limit + _SPREADS * _between(earlier)
    medians = float(np.median(a)), float(np.median(b))
    return SpeedTest(*medians, medians[1] / medians[0], (low, high), allowed, low > allowed)


def _medians(values: Floats, rng: np.random.Generator) -> Floats:
    drawn = rng.integers(0, values.size, (RESAMPLES, values.size))
    return np.median(values[drawn], axis=1)


def _between(medians: Sequence[float]) -> float:
    """Relative standard deviation of medians; 0 where there are too few to tell."""
    if len(medians) < 3:
        return 0.0
    return float(np.std(medians, ddof=1) / np.mean(medians))
