"""Latencies of the same backend on the same board, before and now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.gate.differences import board_of
from harness.gate.result import SpeedResult
from harness.gate.side import Side
from harness.gate.statistics.speed import speed_test
from harness.gate.thresholds import Thresholds
from harness.store.reading import RunLine
from harness.store.run_files import LATENCY

BOARD = "board"


def judge_speeds(
    run: Side, baseline: Side, earlier: Sequence[RunLine], thresholds: Thresholds
) -> Iterator[SpeedResult]:
    """Judge the latencies of every backend that the thresholds name and both runs have."""
    rule = thresholds.latency_rule(run.report.method)
    for backend in rule.backends:
        if all(backend in side.report.backends for side in (run, baseline)):
            medians = [line.latency_ms[backend] for line in earlier if backend in line.latency_ms]
            yield _judged(run, baseline, backend, rule.limit, medians)


def _judged(
    run: Side, baseline: Side, backend: str, limit: float, medians: Sequence[float]
) -> SpeedResult:
    before, now = board_of(baseline.report), board_of(run.report)
    if backend == BOARD and before != now:
        reason = f"not compared: the baseline ran on {before}, this run on {now}"
        return SpeedResult(backend=backend, verdict="pass", reason=reason)
    found = speed_test(
        baseline.score(backend, LATENCY), run.score(backend, LATENCY), limit, medians
    )
    if found is None:
        reason = "too few latencies to compare medians"
        return SpeedResult(backend=backend, verdict="not enough data", reason=reason)
    return SpeedResult(
        backend=backend,
        verdict="fail" if found.slower else "pass",
        reason=f"{found.ratio:.3f} times as long, {found.allowed:.3f} allowed",
        before_ms=found.before,
        after_ms=found.after,
        ratio=found.ratio,
        interval=found.interval,
        allowed=found.allowed,
    )
