"""`k210 bench simulator`: ours against nncase's and ONNX Runtime."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options
from harness.cli.commands.bench.networks import NETWORK, QUARTER

if TYPE_CHECKING:
    from harness.bench.simulator import Bench
    from harness.progress import Progress


def simulator(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of each side.")] = 5,
    as_json: options.Json = False,
) -> None:
    """Simulate MobileNet at 224 here and with nncase, and run it as floats in ONNX Runtime.

    Then say what loading it takes, and how much memory a batch, in processes of their own.

    Examples:

        k210 bench simulator

        k210 bench simulator --rounds 9 --json
    """
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json

    bench = measure(rounds, TerminalProgress())
    if as_json:
        print_json({"machine": machine(), "rows": documents(bench)})
    else:
        _show_simulator(bench)
        _show_footprints(bench)
        _show_devices(bench)


def measure(rounds: int, progress: Progress) -> Bench:
    """Measure the simulator and its peers."""
    from harness.bench.simulator import bench_simulator
    from harness.pipeline.factory import load_module

    modules = {"1.0": load_module(NETWORK), "0.25": load_module(QUARTER)}
    return bench_simulator(modules, rounds, progress)


def documents(bench: Bench) -> list[dict[str, Any]]:
    """Return all rows as JSON values."""
    return [row for part in asdict(bench).values() for row in part]


def _show_simulator(bench: Bench) -> None:
    from rich.table import Table

    from harness.cli.console import show_table

    table = Table()
    for column in ("benchmark", "ours ms", "nncase ms", "ONNX Runtime ms", "× nncase", "bit-exact"):
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for row in bench.speed:
        table.add_row(
            row.name,
            f"{row.ours_ms_per_image:.2f}",
            f"{row.nncase_ms_per_image:.1f}",
            f"{row.onnxruntime_ms_per_image:.2f}",
            f"{row.ratio_nncase:.1f}",
            "yes" if row.bit_exact else "no",
        )
    show_table(table)


def _show_footprints(bench: Bench) -> None:
    from rich.table import Table

    from harness.cli.console import show_table

    table = Table()
    columns = ("benchmark", "kmodel MB", "load ms", "prepare ms", "imports MB", "peak MB")
    for column in columns:
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for row in bench.footprint:
        values = row.load_ms, row.prepare_ms, row.imported_mb, row.peak_mb
        table.add_row(row.name, f"{row.kmodel_mb:.2f}", *(f"{value:.0f}" for value in values))
    show_table(table)


def _show_devices(bench: Bench) -> None:
    from harness.cli.console import show_line

    for row in bench.devices:
        exact = "bit-exact to the processor" if row.bit_exact else "not that of the processor"
        show_line(f"{row.name} on {row.device}: {row.images_per_second:.0f} images/s, {exact}")
