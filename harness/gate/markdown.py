"""The judgement in Markdown, as a pull request or a CI job shows it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.gate.result import GateReport, MetricResult

_MARKS = {"pass": "✅", "fail": "❌", "not enough data": "⚠️"}
MAX_ROWS = 12


def summary(gate: GateReport) -> str:
    """Return the whole judgement, the worst first."""
    return "\n".join(_lines(gate)) + "\n"


def _lines(gate: GateReport) -> Iterator[str]:
    yield f"## {_MARKS[gate.verdict]} {gate.verdict}: {gate.run} against {gate.baseline}"
    yield ""
    yield f"Baseline: {gate.chosen}."
    yield ""
    yield from _metrics(gate)
    for course in gate.courses:
        if course.verdict != "pass" or course.since:
            yield f"- {_MARKS[course.verdict]} {course.backend} {course.metric}: {course.reason}"
    for speed in gate.speeds:
        yield f"- {_MARKS[speed.verdict]} latency of {speed.backend}: {speed.reason}"
    for layer in gate.layers:
        yield (
            f"- layer `{layer.layer}` on {layer.backend}: "
            f"{layer.before_db:.1f} dB before, {layer.after_db:.1f} dB now"
        )
    yield from _items(gate)
    if gate.differences:
        yield "\n<details><summary>What else is not the same</summary>\n"
        yield from (f"- {one}" for one in gate.differences)
        yield "\n</details>"


def _metrics(gate: GateReport) -> Iterator[str]:
    if not gate.metrics:
        yield "No figure is known of each item on both sides."
        return
    yield "| | backend | figure | before | now | change, 95 % | |"
    yield "|---|---|---|--:|--:|--:|---|"
    order = {"fail": 0, "not enough data": 1, "pass": 2}
    rows = sorted(gate.metrics, key=lambda one: order[one.verdict])
    yield from map(_row, rows[:MAX_ROWS])
    if len(rows) > MAX_ROWS:
        yield f"\n{len(rows) - MAX_ROWS} more are in the report."
    yield ""


def _row(one: MetricResult) -> str:
    low, high = one.interval
    return (
        f"| {_MARKS[one.verdict]} | {one.backend} | {_escaped(one.metric)} | {one.before:.4f} | "
        f"{one.after:.4f} | {one.change:+.4f} ({low:+.4f} to {high:+.4f}) | {one.reason} |"
    )


def _items(gate: GateReport) -> Iterator[str]:
    if not gate.items:
        return
    yield f"\n<details><summary>{len(gate.items)} items that became wrong</summary>\n"
    for item in gate.items:
        yield (
            f"- {_escaped(item.id)} on {item.backend}: {_escaped(item.label or '?')}, "
            f"taken for {_escaped(item.after)}"
        )
    yield "\n</details>"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
