"""The answer in one sentence, and on failure the limits that broke."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.compare.comparison import AT_LEAST
from harness.report import numbers
from harness.report.schema import ComparisonRecord, Report

State = Literal["pass", "fail", "unjudged"]

_TITLES = {
    "top1_agreement": "top\N{NON-BREAKING HYPHEN}1 agreement",
    "cosine": "cosine",
    "snr_db": "SNR",
    "max_abs": "largest difference",
    "mean_abs": "mean difference",
    "rmse": "RMSE",
}
_ALWAYS_TOLD = frozenset({"top1_agreement", "cosine"})

_PLACES = {
    "float": "in PyTorch",
    "nncase": "in nncase's K210 simulator",
    "kpu": "in the harness's KPU simulator",
}


@dataclass(frozen=True)
class Limit:
    """One limit on one output.

    Attributes:
        metric: Name of the metric, as in `harness.method.Tolerance`.
        found: What was measured, in words.
        limit: What was asked for, with its sense, such as "≥ 0.99".
        would_pass: The strictest limit that would hold; empty when this one does.
    """

    metric: str
    found: str
    limit: str
    would_pass: str

    @property
    def broken(self) -> bool:
        """Whether what was measured is outside the limit."""
        return bool(self.would_pass)


@dataclass(frozen=True)
class Verdict:
    """What the page opens with.

    Attributes:
        state: `unjudged` when no output had a limit to keep.
        sentence: Method, data and the figures that decide.
        failures: What is out of tolerance.
    """

    state: State
    sentence: str
    failures: tuple[ComparisonRecord, ...]


def judge(report: Report) -> Verdict:
    """Return the verdict of a report in words."""
    failures = tuple(one for one in report.comparisons if one.within_tolerance is False)
    state = _state(report)
    return Verdict(state, f"{_claim(report, state, failures)}{_figures(report)}.", failures)


def limits(comparison: ComparisonRecord) -> dict[str, Limit]:
    """Return every limit that an output had to keep, by metric."""
    relaxed = comparison.tolerance_that_would_pass
    return {
        name: Limit(
            metric=name,
            found=numbers.metric(getattr(comparison, name), name),
            limit=f"{'≥' if name in AT_LEAST else '≤'}\N{NO-BREAK SPACE}{numbers.short(limit)}",
            would_pass=numbers.exact(relaxed[name]) if name in relaxed else "",
        )
        for name, limit in comparison.tolerance.items()
    }


def _state(report: Report) -> State:
    if report.verdict == "fail":
        return "fail"
    judged = any(one.within_tolerance is not None for one in report.comparisons)
    return "pass" if judged else "unjudged"


def _claim(report: Report, state: State, failures: Sequence[ComparisonRecord]) -> str:
    data = f"On {numbers.count(report.data.items)} {_plural(report.data.items, 'item')}"
    data += f" of {report.data.source}" if report.data.source else ""
    if not report.comparisons:
        return f"{data}, {report.method} ran on one backend only, so nothing was compared"
    compared = failures if state == "fail" and failures else report.comparisons
    reference = _place(compared[0].reference)
    candidates = _listed(_unique(_place(one.candidate) for one in compared))
    if state == "unjudged":
        return (
            f"{data}, {report.method} was compared {candidates} with itself {reference}, "
            "but no limit was set to judge it by"
        )
    if state == "fail":
        return f"{data}, {report.method} does not do {candidates} what it does {reference}"
    return f"{data}, {report.method} does {candidates} what it does {reference}, within tolerance"


def _figures(report: Report) -> str:
    judged = {name for one in report.comparisons for name in one.tolerance}
    parts = [_metric_chain(report)] + [
        _per_candidate(report, metric, title)
        for metric, title in _TITLES.items()
        if metric in judged | _ALWAYS_TOLD
    ]
    told = ", ".join(part for part in parts if part)
    return f": {told}" if told else ""


def _metric_chain(report: Report) -> str:
    """Name the first task metric of each backend: `accuracy 0.96 (float) → 0.95 (nncase)`."""
    names = _unique(name for backend in report.backends.values() for name in backend.metrics)
    if not names:
        return ""
    name = "accuracy" if "accuracy" in names else names[0]
    steps = [
        f"{numbers.metric(backend.metrics[name], name)} ({backend_name})"
        for backend_name, backend in report.backends.items()
        if name in backend.metrics
    ]
    first, *others = steps
    return f"{name.replace('_', ' ')} {first}" + (f" → {', '.join(others)}" if others else "")


def _per_candidate(report: Report, metric: str, title: str) -> str:
    """Name each candidate's worst value of a metric over its outputs."""
    candidates = _unique(one.candidate for one in report.comparisons)
    told = [
        numbers.metric(value, metric) + (f" ({name})" if len(candidates) > 1 else "")
        for name in candidates
        for value in _worst(report, name, metric)
    ]
    return f"{title} {', '.join(told)}" if told else ""


def _worst(report: Report, candidate: str, metric: str) -> list[float]:
    """Return the worst value, a NaN first of all; nothing when no output has one.

    Which value is largest says something of class scores only: where some outputs are judged by
    it, the others, such as a code, are left out.
    """
    chosen = [one for one in report.comparisons if one.candidate == candidate]
    if metric == "top1_agreement" and any(metric in one.tolerance for one in chosen):
        chosen = [one for one in chosen if metric in one.tolerance]
    found = [getattr(one, metric) for one in chosen]
    known = [float(value) for value in found if value is not None]
    sign = -1 if metric in AT_LEAST else 1
    return sorted(known, key=lambda value: (math.isnan(value), sign * value))[-1:]


def _place(backend: str) -> str:
    # With its kind, as in "virtual board": which of the two it was may not get lost.
    return f"on a {backend}" if backend.endswith("board") else _PLACES.get(backend, f"in {backend}")


def _plural(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _listed(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
