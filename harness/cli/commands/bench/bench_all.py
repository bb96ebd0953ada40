"""`k210 bench all`: every benchmark, kept, and held against the last that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options
from harness.cli.commands.bench import (
    bench_blame,
    bench_board,
    bench_compiler,
    bench_report,
    bench_simulator,
)

if TYPE_CHECKING:
    from harness.bench.kept import Change
    from harness.progress import Progress


def everything(
    keep: Annotated[Path, typer.Option("--keep", help="Folder of all that was kept.")] = Path(
        "bench"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer rounds, transfers and copies.")
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Run all benchmarks, keep them in one file, and compare their ratios with the last one's.

    The exit code is 1 where a ratio to a peer fell by more than a fifth.

    Examples:

        k210 bench all

        k210 bench all --quick --keep bench --json
    """
    from harness.bench import kept
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json, show_line

    here = machine()
    before = kept.last(keep, here)
    rows = _measure(quick, TerminalProgress())
    found = kept.changes(before or [], rows)
    path = kept.keep(keep, here, rows)
    worse = [one for one in found if one.is_worse]
    if as_json:
        changed = [{**asdict(one), "worse": one.is_worse} for one in found]
        print_json({"file": str(path), "machine": here, "rows": rows, "changes": changed})
    else:
        _show(found)
        show_line(f"kept: {path}" + ("" if before else "; nothing was kept before"))
    return 1 if worse else 0


def _measure(quick: bool, progress: Progress) -> list[dict[str, Any]]:
    return [
        *bench_compiler.documents(bench_compiler.measure(1 if quick else 3, progress)),
        *bench_simulator.documents(bench_simulator.measure(2 if quick else 5, progress)),
        *bench_board.documents(bench_board.measure(quick, None, progress)),
        asdict(bench_blame.measure(progress)),
        *(asdict(row) for row in bench_report.measure(5 if quick else 20, progress)),
    ]


def _show(found: Sequence[Change]) -> None:
    from rich.table import Table
    from rich.text import Text

    from harness.cli.console import show_table

    if not found:
        return
    table = Table()
    for column in ("benchmark", "ratio", "kept last", "now", ""):
        table.add_column(column, justify="right" if column in ("kept last", "now") else "left")
    for one in found:
        mark = Text("worse", "red") if one.is_worse else Text("")
        table.add_row(one.row, one.field, f"{one.before:.2f}", f"{one.after:.2f}", mark)
    show_table(table)
