"""`k210 bench compiler`: the worker against nncase directly."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options
from harness.cli.commands.bench.networks import NETWORK

if TYPE_CHECKING:
    from harness.bench.compiler import Row
    from harness.progress import Progress


def compiler(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of each side.")] = 3,
    as_json: options.Json = False,
) -> None:
    """Compile and simulate MobileNet 1.0 at 224 through the worker, and with nncase directly.

    Examples:

        k210 bench compiler

        k210 bench compiler --rounds 5 --json
    """
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json

    rows = measure(rounds, TerminalProgress())
    if as_json:
        print_json({"machine": machine(), "rows": documents(rows)})
    else:
        _show(rows)


def measure(rounds: int, progress: Progress) -> list[Row]:
    """Measure the worker and nncase."""
    from harness.bench.compiler import bench_compiler
    from harness.pipeline.factory import load_module

    return bench_compiler(load_module(NETWORK), rounds, progress)


def documents(rows: list[Row]) -> list[dict[str, Any]]:
    """Return rows as JSON values."""
    return [asdict(row) for row in rows]


def _show(rows: list[Row]) -> None:
    from rich.table import Table

    from harness.cli.console import show_table

    table = Table()
    for column in ("benchmark", "worker", "nncase directly", "ratio"):
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.ours:.2f} {row.unit}",
            f"{row.direct:.2f} {row.unit}",
            f"{row.ratio:.3f}",
        )
    show_table(table)
