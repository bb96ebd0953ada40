"""Whether one run is worse than another on the same items: every item is its own control.

Right or wrong is judged by McNemar's exact test (Q. McNemar, Psychometrika 12, 1947): of the items
that changed, are more worse than a fair coin would make them? Other scores are judged by the
bootstrap of the mean difference (B. Efron, Ann. Statist. 7, 1979).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Better = Literal["higher", "lower"]
Floats = npt.NDArray[np.float64]

RESAMPLES = 9_999
# Items held in memory together.
_DRAWN_AT_ONCE = 4_000_000
# Of the interval that is shown; the judgement has its own level.
SHOWN = 0.95


@dataclass(frozen=True)
class PairedTest:
    """What a test of n items says.

    Attributes:
        kind: `mcnemar` or `bootstrap`.
        items: How many items both sides have a number for.
        before: Mean of the baseline.
        after: Mean of the run.
        change: `after` − `before`.
        interval: 95 % interval of the change.
        p: How likely chance alone makes it look at least as much worse, one-sided.
        worse: Items that became worse.
        better: Items that became better.
        lost: Items that have a number in the baseline and none in the run.
    """

    kind: Literal["mcnemar", "bootstrap"]
    items: int
    before: float
    after: float
    change: float
    interval: tuple[float, float]
    p: float
    worse: int
    better: int
    lost: int


def paired_test(before: Floats, after: Floats, better: Better, seed: int = 0) -> PairedTest:
    """Test whether a score became worse.

    Args:
        before: [N], the baseline's; NaN where there is no number.
        after: [N], the run's, of the same items in the same order.
        better: Which way is better.
        seed: Of the bootstrap.
    """
    lost = int((np.isfinite(before) & ~np.isfinite(after)).sum())
    both = np.isfinite(before) & np.isfinite(after)
    a, b = before[both], after[both]
    gain = (b - a) if better == "higher" else (a - b)
    worse, improved = int((gain < 0).sum()), int((gain > 0).sum())
    binary = bool(np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all())
    difference = b - a
    if binary:
        p, interval = mcnemar_p(worse, improved), _matched_interval(difference)
    else:
        p, interval = _bootstrap(gain, difference, seed)
    means = (float(a.mean()), float(b.mean())) if a.size else (math.nan, math.nan)
    kind: Literal["mcnemar", "bootstrap"] = "mcnemar" if binary else "bootstrap"
    change = means[1] - means[0]
    return PairedTest(kind, a.size, *means, change, interval, p, worse, improved, lost)


def mcnemar_p(worse: int, better: int) -> float:
    """Return the one-sided exact p: `worse` or more heads of `worse` + `better` fair coins."""
    return float(stats.binom.sf(worse - 1, worse + better, 0.5)) if worse else 1.0


def smallest_found(alpha: float) -> int:
    """Return how many items have to become worse, and none better, to be found at a level."""
    return math.ceil(math.log2(1 / alpha))


def _matched_interval(difference: Floats) -> tuple[float, float]:
    """Adjusted Wald interval of matched pairs (Agresti and Min, Statist. Med. 24, 2005)."""
    if not difference.size:
        return (math.nan, math.nan)
    n = difference.size + 2
    up, down = (difference > 0).sum() + 0.5, (difference < 0).sum() + 0.5
    centre = (up - down) / n
    half = _z() * math.sqrt(up + down - (up - down) ** 2 / n) / n
    return (max(-1.0, float(centre - half)), min(1.0, float(centre + half)))


def _bootstrap(gain: Floats, difference: Floats, seed: int) -> tuple[float, tuple[float, float]]:
    if not gain.size:
        return 1.0, (math.nan, math.nan)
    if not difference.any():
        return 1.0, (0.0, 0.0)
    means = _resampled_means(difference, seed)
    tail = (1 - SHOWN) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    against = means <= 0 if gain.mean() * difference.mean() < 0 else means >= 0
    p = (1 + int(against.sum())) / (RESAMPLES + 1) if gain.mean() < 0 else 1.0
    return p, (float(low), float(high))


def _resampled_means(values: Floats, seed: int) -> Floats:
    """Return the means of samples drawn with replacement."""
    rng = np.random.default_rng(seed)
    at_once = max(1, _DRAWN_AT_ONCE // values.size)
    parts = [
        values[rng.integers(0, values.size, (min(at_once, RESAMPLES - start), values.size))].mean(1)
        for start in range(0, RESAMPLES, at_once)
    ]
    return np.concatenate(parts)


def _z() -> float:
    return float(stats.norm.ppf((1 + SHOWN) / 2))
