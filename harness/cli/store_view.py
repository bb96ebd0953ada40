"""Runs and baselines of a store, as tables and as JSON values."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files import write_text

if TYPE_CHECKING:
    from rich.table import Table

    from harness.store.baselines import Baseline
    from harness.store.reading import RunLine


def run_table(runs: Sequence[RunLine], baselines: Sequence[Baseline]) -> Table:
    """Return a table, a line a run: its task metrics by backend, and what it is a baseline for."""
    from rich.table import Table
    from rich.text import Text

    names = _names(baselines)
    table = Table()
    for column in ("run", "method", "created (UTC)", "metrics", "board", "baseline", ""):
        table.add_column(column)
    for run in runs:
        board = f"{run.board_kind} board, {run.firmware}" if run.board_kind else ""
        style = "green" if run.verdict == "pass" else "red"
        table.add_row(
            run.run_id,
            run.method,
            run.created.removesuffix("+00:00").replace("T", " "),
            _metrics(run),
            board,
            ", ".join(names.get(run.run_id, ())),
            Text(run.verdict, style),
        )
    return table


def run_documents(runs: Sequence[RunLine], baselines: Sequence[Baseline]) -> list[dict[str, Any]]:
    """Return the same as JSON values."""
    names = _names(baselines)
    return [
        {
            "run": run.run_id,
            "method": run.method,
            "created": run.created,
            "verdict": run.verdict,
            "board": {"kind": run.board_kind, "firmware": run.firmware} if run.board_kind else None,
            "git_commit": run.git_commit,
            "data_set": run.data_set,
            "metrics": _nested(run),
            "latency_ms": dict(run.latency_ms),
            "baselines": names.get(run.run_id, []),
        }
        for run in runs
    ]


def baseline_table(baselines: Sequence[Baseline]) -> Table:
    """Return a table, a line a sign-off."""
    from rich.table import Table

    table = Table()
    for column in ("baseline", "run", "method", "who", "why", "when (UTC)"):
        table.add_column(column)
    for one in baselines:
        when = one.created.removesuffix("+00:00").replace("T", " ")
        table.add_row(one.name, one.run_id, one.method, one.who, one.why, when)
    return table


def write_result(text: str, out: str | None) -> None:
    """Write an export to a file, whole or not at all, or to standard output."""
    if out is None:
        sys.stdout.write(text)
    else:
        write_text(Path(out), text)


def _names(baselines: Sequence[Baseline]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for one in baselines:
        names.setdefault(one.run_id, []).append(one.name)
    return names


def _metrics(run: RunLine) -> str:
    lines = [
        f"{metric}: " + ", ".join(f"{backend} {value:.4g}" for backend, value in values.items())
        for metric, values in _by_metric(run).items()
    ]
    return "\n".join(lines)


def _by_metric(run: RunLine) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (backend, metric), value in run.metrics.items():
        found.setdefault(metric, {})[backend] = value
    return found


def _nested(run: RunLine) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (backend, metric), value in run.metrics.items():
        found.setdefault(backend, {})[metric] = value
    return found
