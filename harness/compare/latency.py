"""What is said about latencies: percentiles of single items, never a mean alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Latency:
    """Percentiles of item latencies in milliseconds, and how many items there were."""

    p50: float
    p95: float
    p99: float
    n: int


def summarise(latency_ms: npt.NDArray[np.float64]) -> Latency | None:
    """Return the percentiles of [N] latencies, the first item left out where there are others.

    The first item pays for loading and warming up, which later items do not.
    """
    counted = latency_ms[1:] if len(latency_ms) > 1 else latency_ms
    if not len(counted):
        return None
    p50, p95, p99 = (float(value) for value in np.percentile(counted, (50, 95, 99)))
    return Latency(p50, p95, p99, len(counted))


@dataclass(frozen=True)
class Histogram:
    """How many items took how long.

    Attributes:
        edges_ms: Bounds of the bins in milliseconds, evenly spaced in their logarithms.
        counts: Items a bin, one fewer than bounds.
    """

    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]


def histogram(latency_ms: npt.NDArray[np.float64], bins: int = 24) -> Histogram | None:
    """Return the distribution of [N] latencies, the first item left out as in `summarise`."""
    counted = latency_ms[1:] if len(latency_ms) > 1 else latency_ms
    counted = counted[np.isfinite(counted) & (counted > 0)]
    if not len(counted):
        return None
    low, high = float(counted.min()), float(counted.max())
    if low == high:
        return Histogram((low, high), (len(counted),))
    edges = np.geomspace(low, high, bins + 1)
    edges[0], edges[-1] = low, high  # rounding must not push an item out
    counts, _ = np.histogram(counted, edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))
