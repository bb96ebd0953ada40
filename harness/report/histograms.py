"""How long items took, as columns of a page."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report import numbers
from harness.report.schema import HistogramRecord, Report


@dataclass(frozen=True)
class Column:
    """One bin: its height in percent of the highest, and what it says under the pointer."""

    percent: float
    title: str


@dataclass(frozen=True)
class Columns:
    """One backend's latencies: items, from `low` to `high` in milliseconds."""

    items: int
    low: float
    high: float
    columns: tuple[Column, ...]
    words: str


def histograms(report: Report) -> dict[str, Columns]:
    """Return the columns of each backend that kept its times and had several."""
    return {
        name: _columns(backend.latency_histogram)
        for name, backend in report.backends.items()
        if backend.latency_histogram and len(backend.latency_histogram.counts) > 1
    }


def _columns(record: HistogramRecord) -> Columns:
    most = max(record.counts)
    bins = list(zip(record.edges_ms, record.edges_ms[1:], record.counts, strict=False))
    columns = tuple(
        Column(100 * count / most, f"{_from(low, high)}: {count}") for low, high, count in bins
    )
    low, high, count = max(bins, key=lambda one: one[2])
    words = f"most, {count}, took {_from(low, high)}"
    return Columns(sum(record.counts), record.edges_ms[0], record.edges_ms[-1], columns, words)


def _from(low: float, high: float) -> str:
    return f"{numbers.significant(low, 3)} to {numbers.milliseconds(high)}"
