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
