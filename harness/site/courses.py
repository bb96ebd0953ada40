"""Runs as people follow them: by method, a figure and a backend at a time, oldest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report import numbers
from harness.site.sparkline import sparkline
from harness.store.reading import LOWEST_COSINE, RunLine

# Order of columns; a backend that is not named comes behind.
BACKENDS = ("float", "nncase", "kpu", "board")
MAX_POINTS = 60
LATENCY = "latency"


@dataclass(frozen=True)
class _Value:
    number: float


@dataclass(frozen=True)
class Course:
    """One figure of one backend over the runs of a method.

    Attributes:
        backend: Its name.
        metric: The figure; `latency` for the median time of an item.
        last: The newest value as people read it.
        spark: SVG over all runs; empty where there is one only.
        runs: How many there are.
    """

    backend: str
    metric: str
    last: str
    spark: str
    runs: int


@dataclass(frozen=True)
class MethodRow:
    """One method in the overview.

    Attributes:
        method: Its name.
        newest: Its newest run.
        runs: How many it has.
        backends: All that any run had, the usual ones first.
        courses: Metric → backend → course.
    """

    method: str
    newest: RunLine
    runs: int
    backends: list[str]
    courses: dict[str, dict[str, Course]]


def method_rows(runs: Sequence[RunLine]) -> list[MethodRow]:
    """Return a row a method, by name."""
    found: dict[str, list[RunLine]] = {}
    for run in runs:
        found.setdefault(run.method, []).append(run)
    return [
        MethodRow(method, lines[-1], len(lines), backends_of(lines), courses(lines))
        for method, lines in sorted(found.items())
    ]


def courses(lines: Sequence[RunLine]) -> dict[str, dict[str, Course]]:
    """Return every figure of a method's runs, oldest first, and the median latency."""
    metrics = dict.fromkeys(name for line in reversed(lines) for _, name in line.metrics)
    found = {name: _by_backend(name, lines) for name in (*metrics, LATENCY)}
    return {name: by_backend for name, by_backend in found.items() if by_backend}


def _by_backend(metric: str, lines: Sequence[RunLine]) -> dict[str, Course]:
    known = {
        backend: [(line, value) for line in lines if (value := _value(line, backend, metric))]
        for backend in backends_of(lines)
    }
    return {
        backend: _course(backend, metric, points) for backend, points in known.items() if points
    }


def _value(line: RunLine, backend: str, metric: str) -> _Value | None:
    """Return a figure of a run, wrapped, since zero is one, too; None where it has none."""
    if metric == LATENCY:
        value = line.latency_ms.get(backend, math.nan)
    else:
        value = line.metrics.get((backend, metric), math.nan)
    return _Value(value) if math.isfinite(value) else None


def backends_of(lines: Sequence[RunLine]) -> list[str]:
    """Return all backends of some runs, the usual ones first."""
    named = {backend for line in lines for backend, _ in line.metrics}
    named |= {backend for line in lines for backend in line.latency_ms}
    return sorted(named, key=lambda name: (_place(name), name))


def _place(backend: str) -> int:
    return BACKENDS.index(backend) if backend in BACKENDS else len(BACKENDS)


def _course(backend: str, metric: str, points: Sequence[tuple[RunLine, _Value]]) -> Course:
    shown = points[-MAX_POINTS:]
    broken = [place for place, (line, _) in enumerate(shown) if is_broken(line)]
    last = _text(shown[-1][1].number, metric)
    words = f"{metric} on {backend} over {len(shown)} runs, {last} at last"
    values = [value.number for _, value in shown]
    spark = sparkline(values, words, broken) if len(shown) > 1 else ""
    return Course(backend, metric, last, spark, len(points))


def is_broken(line: RunLine) -> bool:
    """Return whether a run is outside its tolerance, or a gate found it worse."""
    return line.verdict == "fail" or line.gate == "fail"


def _text(value: float, metric: str) -> str:
    if metric == LATENCY:
        return numbers.milliseconds(value)
    return numbers.share(value) if metric == LOWEST_COSINE else numbers.metric(value, metric)
