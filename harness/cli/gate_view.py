"""A gate's judgement on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.console import show_line, show_table

if TYPE_CHECKING:
    from rich.table import Table

    from harness.gate.result import GateReport

_STYLES = {"pass": "green", "fail": "red", "not enough data": "yellow"}
MAX_ITEMS = 10


def show_gate(gate: GateReport) -> None:
    """Print the judgement: numbers, layers, items, and what else is not the same."""
    show_line(f"{gate.run} against {gate.baseline} ({gate.chosen})")
    if gate.metrics:
        show_table(_metrics(gate))
    for course in gate.courses:
        if course.verdict != "pass" or course.since:
            style = _STYLES["fail"]
            show_line(f"{course.backend} {course.metric}: {course.reason}", "course", style)
    for speed in gate.speeds:
        show_line(f"{speed.backend}: {speed.reason}", "latency", _STYLES[speed.verdict])
    for layer in gate.layers:
        change = f"{layer.before_db:.1f} dB before, {layer.after_db:.1f} dB now"
        show_line(f"{layer.layer} on {layer.backend}: {change}", "layer", "red")
    for item in gate.items[:MAX_ITEMS]:
        seen = f", see {item.picture}" if item.picture else ""
        show_line(
            f"{item.id} on {item.backend}: {item.label}, taken for {item.after}{seen}", "item"
        )
    if len(gate.items) > MAX_ITEMS:
        show_line(f"{len(gate.items) - MAX_ITEMS} more items became wrong; --json lists them")
    for one in gate.differences:
        show_line(one, "differs", "cyan")
    show_line("", gate.verdict, _STYLES[gate.verdict])


def _metrics(gate: GateReport) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in ("backend", "figure", "before", "now", "change", "95 %", "p", "", "why"):
        right = column in ("before", "now", "change", "95 %", "p")
        table.add_column(column, justify="right" if right else "left")
    for one in gate.metrics:
        low, high = one.interval
        table.add_row(
            one.backend,
            Text(one.metric),
            f"{one.before:.4f}",
            f"{one.after:.4f}",
            f"{one.change:+.4f}",
            f"{low:+.4f} to {high:+.4f}",
            f"{one.p:.2g}",
            Text(one.verdict, _STYLES[one.verdict]),
            Text(one.reason),
        )
    return table
