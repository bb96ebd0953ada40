"""What the page shows of a gate's judgement, which a report keeps as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.report import numbers

_MARKS = {"pass": ("\u2713", "good"), "fail": ("\u2717", "bad")}
_UNSURE = ("?", "muted")
_MINUS = "\u2212"


@dataclass(frozen=True)
class GateRow:
    """One figure of one backend, in words; `level` is a class of the style sheet."""

    backend: str
    metric: str
    before: str
    after: str
    change: str
    interval: str
    verdict: str
    mark: str
    level: str
    reason: str


@dataclass(frozen=True)
class GateView:
    """A judgement. `address` is where the baseline's own page is, empty where there is none."""

    verdict: str
    mark: str
    level: str
    baseline: str
    chosen: str
    address: str
    rows: tuple[GateRow, ...]
    remarks: tuple[str, ...]
    changed: tuple[Mapping[str, Any], ...]
    layers: tuple[Mapping[str, Any], ...]
    differences: tuple[str, ...]


def gate_view(gate: Mapping[str, Any] | None, address: str = "") -> GateView | None:
    """Return what to show; None where no gate has judged the run.

    Args:
        gate: `gate` of a report.
        address: Of the baseline's page.
    """
    if gate is None:
        return None
    mark, level = _MARKS.get(gate["verdict"], _UNSURE)
    order = {"fail": 0, "not enough data": 1, "pass": 2}
    metrics = sorted(gate["metrics"], key=lambda one: order.get(one["verdict"], 0))
    return GateView(
        gate["verdict"],
        mark,
        level,
        gate["baseline"],
        gate["chosen"],
        address,
        tuple(map(_row, metrics)),
        tuple(_remarks(gate)),
        tuple(gate.get("items", ())),
        tuple(gate.get("layers", ())),
        tuple(gate.get("differences", ())),
    )


def _row(one: Mapping[str, Any]) -> GateRow:
    mark, level = _MARKS.get(one["verdict"], _UNSURE)
    before, after, change = (float(one[name]) for name in ("before", "after", "change"))
    low, high = (float(end) for end in one["interval"])
    return GateRow(
        one["backend"],
        one["metric"],
        numbers.share(before),
        numbers.share(after),
        _signed(change),
        f"{_signed(low)} to {_signed(high)}",
        one["verdict"],
        mark,
        level,
        one["reason"],
    )


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", _MINUS)


def _remarks(gate: Mapping[str, Any]) -> list[str]:
    """Return what was found beside the paired figures and is no mere pass."""
    found = [
        f"{one['backend']} {one['metric']}: {one['reason']}"
        for one in gate.get("courses", ())
        if one["verdict"] != "pass" or one.get("since")
    ]
    return found + [
        f"latency of {one['backend']}: {one['reason']}" for one in gate.get("speeds", ())
    ]
