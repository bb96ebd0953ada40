"""`k210 bench board`: the link to virtual boards, and mpremote's."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options

if TYPE_CHECKING:
    from harness.bench.board import Bench
    from harness.progress import Progress


def board(
    quick: Annotated[
        bool, typer.Option("--quick", help="A tenth of the transfers and runs with faults.")
    ] = False,
    cuts: Annotated[
        int | None, typer.Option("--cuts", min=1, help="Transfers to cut, instead of 100.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Put files onto virtual boards at the line's pace, and the same with mpremote.

    Then say how soon a file that is there already is left alone, how many transfers and small
    inferences come through faults, and how soon a dead board is known.

    Examples:

        k210 bench board --quick

        k210 bench board --cuts 1000 --json
    """
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json

    bench = measure(quick, cuts, TerminalProgress())
    if as_json:
        about = {**machine(), "mpremote": bench.mpremote}
        print_json({"machine": about, "rows": documents(bench)})
    else:
        _show_board(bench)


def measure(quick: bool, cuts: int | None, progress: Progress) -> Bench:
    """Measure the link on virtual boards."""
    from harness.bench.board import bench_board
    from harness.bench.faults import FULL, QUICK

    amount = QUICK if quick else FULL
    return bench_board(replace(amount, cuts=cuts) if cuts else amount, progress)


def documents(bench: Bench) -> list[dict[str, Any]]:
    """Return all rows as JSON values."""
    return [asdict(row) for part in (bench.puts, bench.skips, bench.faults) for row in part]


def _show_board(bench: Bench) -> None:
    from rich.table import Table

    from harness.cli.console import show_line, show_table

    table = Table()
    peer = f"× mpremote {bench.mpremote}"
    columns = ("benchmark", "KB/s", "of base64's line rate", "of the bare line's", peer)
    for column in columns:
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for row in bench.puts:
        shares = f"{row.line_rate_share:.0%}", f"{row.bare_rate_share:.0%}"
        table.add_row(row.name, f"{row.kb_per_s:.2f}", *shares, f"{row.ratio_mpremote:.2f}")
    show_table(table)
    for skip in bench.skips:
        show_line(f"{skip.name}: {skip.seconds:.2f} s, {skip.sent_bytes} bytes of it sent")
    for fault in bench.faults:
        show_line(f"{fault.name}: {fault.said}")
