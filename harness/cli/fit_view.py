"""What came of a fit, on the screen and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.console import show_line, stdout
from harness.timing.prices import PRICES

if TYPE_CHECKING:
    from harness.timing.own_board import Fit

# Prices that moved by less than this were not seen.
MOVED = 0.02


def document(found: Fit, out: Path) -> dict[str, Any]:
    """Return a fit as JSON values."""
    return {
        "profile": str(out),
        "origin": found.law.origin,
        "measurements": len(found.residuals),
        "span": found.law.span,
        "residuals": [asdict(one) for one in found.residuals],
        "prices_ns": {name: price.ns for name, price in found.law.prices.items()},
    }


def show(found: Fit, out: Path) -> None:
    """Print a fit."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("run", overflow="fold")
    for column in ("measured, ms", "before", "fitted", "by the other runs"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found.residuals:
        predicted = (one.before, one.after, one.held_out)
        off = (f"{ms:.2f} ({ms / one.measured - 1:+.0%})" for ms in predicted)
        table.add_row(one.label, f"{one.measured:.2f}", *off)
    stdout().print(table)
    for name, price in found.law.prices.items():
        change = price.ns / PRICES[name].ns - 1
        if abs(change) > MOVED:
            show_line(f"{name}: {price.ns:.4g} ns a {price.unit} ({change:+.0%})")
    count, span = len(found.residuals), found.law.span
    show_line(f"{count} measurements, {found.law.origin}; the interval is ±{span:.0%}")
    show_line(f"profile: {out}")
