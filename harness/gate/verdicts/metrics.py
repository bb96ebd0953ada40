"""Every figure that both runs have of each item, tested on the same items."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from harness.gate.result import MetricResult, Verdict
from harness.gate.side import Side
from harness.gate.statistics.paired import PairedTest, paired_test, smallest_found
from harness.gate.thresholds import MetricRule, Thresholds
from harness.store.run_files import LATENCY

COSINE = "cosine to "
# With fewer items their spread says too little about that of the mean.
_FEWEST = 20
# Shares of the gate's false alarms: task metrics, and how near outputs come to the first backend's.
_OF_TASKS, _OF_COSINES = 1 / 2, 1 / 4


@dataclass(frozen=True)
class _Question:
    """One figure of one backend, and how it is judged."""

    backend: str
    metric: str
    rule: MetricRule
    alpha: float


def judge_metrics(run: Side, baseline: Side, thresholds: Thresholds) -> list[MetricResult]:
    """Judge every figure; each gets an equal part of the false alarms of its kind."""
    return [
        _judged(run, baseline, asked, thresholds.detect)
        for asked in _questions(run, baseline, thresholds)
    ]


def _questions(run: Side, baseline: Side, thresholds: Thresholds) -> Iterator[_Question]:
    """Yield every figure that both sides have of each item."""
    assert run.items is not None
    assert baseline.items is not None
    found = [
        (backend, name)
        for backend, scores in run.items.scores.items()
        for name in scores
        if name != LATENCY and name in baseline.items.scores.get(backend, {})
    ]
    near = [one for one in found if one[1].startswith(COSINE)]
    tasks = [one for one in found if one not in near]
    method = run.report.method
    for backend, name in tasks:
        rule = thresholds.rule(method, name)
        yield _Question(backend, name, rule, thresholds.false_alarm * _OF_TASKS / len(tasks))
    for backend, name in near:
        rule = MetricRule(better="higher", limit=thresholds.fidelity_limit)
        yield _Question(backend, name, rule, thresholds.false_alarm * _OF_COSINES / len(near))


def _judged(run: Side, baseline: Side, asked: _Question, detect: float) -> MetricResult:
    before, after = (side.score(asked.backend, asked.metric) for side in (baseline, run))
    test = paired_test(before, after, asked.rule.better)
    verdict, reason = _decided(test, asked, detect)
    return MetricResult(
        backend=asked.backend,
        metric=asked.metric,
        verdict=verdict,
        reason=reason,
        alpha=asked.alpha,
        limit=asked.rule.limit,
        **asdict(test),
    )


def _decided(test: PairedTest, asked: _Question, detect: float) -> tuple[Verdict, str]:
    loss = -test.change if asked.rule.better == "higher" else test.change
    if test.lost:
        return "fail", f"{test.lost} items have no number any more"
    if test.p < asked.alpha and loss > asked.rule.limit:
        return "fail", f"worse by {loss:.4g}, by chance with p = {test.p:.2g}"
    if lacking := _lacking(test, asked, detect):
        return "not enough data", lacking
    if test.p < asked.alpha:
        return "pass", f"worse by {loss:.4g}, within the limit of {asked.rule.limit:g}"
    return "pass", "no change beyond chance" if test.worse or test.better else "no item changed"


def _lacking(test: PairedTest, asked: _Question, detect: float) -> str:
    """Return why a loss of the size that matters might have been missed; empty where not."""
    if test.kind == "mcnemar":
        needed = smallest_found(asked.alpha)
        if needed <= detect * test.items:
            return ""
        return (
            f"{test.items} items: only {needed} that become worse would be found, "
            f"{math.ceil(needed / detect)} items would show a loss of {detect:.0%}"
        )
    if test.items < _FEWEST:
        return f"{test.items} items, and their mean is told from {_FEWEST} on"
    low, high = test.interval
    most = -low if asked.rule.better == "higher" else high
    if most <= max(detect * abs(test.before), asked.rule.limit):
        return ""
    return f"{test.items} items: it may be worse by up to {most:.3g}"
