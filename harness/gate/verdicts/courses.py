"""Every figure of a whole run, held against those of the runs before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.gate.result import CourseResult
from harness.gate.statistics.course import change_point, outlier
from harness.gate.thresholds import MetricRule, Thresholds
from harness.report.schema import Report
from harness.store.reading import RunLine

# Shares of the gate's false alarms: is this run worse, and did the level change?
_OF_OUTLIERS, _OF_CHANGES = 1 / 8, 1 / 8


@dataclass(frozen=True)
class _Course:
    """One figure of one backend over runs, oldest first; the last is the one that is judged."""

    backend: str
    metric: str
    names: Sequence[str]
    values: Sequence[float]
    rule: MetricRule

    def loss(self, before: float, after: float) -> float:
        return before - after if self.rule.better == "higher" else after - before


def judge_courses(
    report: Report, earlier: Sequence[RunLine], thresholds: Thresholds
) -> list[CourseResult]:
    """Judge every figure that enough earlier runs have, too."""
    courses = list(_courses(report, earlier, thresholds))
    alpha = thresholds.false_alarm / max(len(courses), 1)
    items = max(report.data.items, 1)
    judged = (_judged(course, alpha, items) for course in courses)
    return [one for one in judged if one is not None]


def _courses(
    report: Report, earlier: Sequence[RunLine], thresholds: Thresholds
) -> Iterator[_Course]:
    for backend, record in report.backends.items():
        for metric, value in record.metrics.items():
            known = [line for line in earlier if (backend, metric) in line.metrics]
            names = [*(line.run_id for line in known), report.run_id]
            values = [*(line.metrics[backend, metric] for line in known), value]
            yield _Course(backend, metric, names, values, thresholds.rule(report.method, metric))


def _judged(course: _Course, alpha: float, items: int) -> CourseResult | None:
    *before, value = course.values
    found = outlier(before, value, course.rule.better, items)
    if found is None:
        return None
    loss = course.loss(found.mean, value)
    bad = found.p < alpha * _OF_OUTLIERS and loss > course.rule.limit
    since, fell = _since(course, alpha * _OF_CHANGES)
    words = [f"worse by {loss:.4g} than the runs before, p = {found.p:.2g}"] if bad else []
    return CourseResult(
        backend=course.backend,
        metric=course.metric,
        verdict="fail" if bad else "pass",
        reason="; ".join([*words, *fell]) or "as the runs before",
        earlier=found.earlier,
        mean=found.mean,
        spread=found.spread,
        value=value,
        p=found.p,
        since=since,
    )


def _since(course: _Course, alpha: float) -> tuple[str, list[str]]:
    """Return the run at which the level surely changed for the worse, and that in words."""
    change = change_point(course.values)
    if change is None or change.p >= alpha:
        return "", []
    if course.loss(change.before, change.after) <= course.rule.limit:
        return "", []
    name = course.names[change.at]
    return name, [f"the level went from {change.before:.4g} to {change.after:.4g} at {name}"]
