"""`k210 bench`: speed against the peers, measured in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options

if TYPE_CHECKING:
    from harness.bench.board import Bench as BoardBench
    from harness.bench.compiler import Row
    from harness.bench.simulator import Bench

app = typer.Typer(no_args_is_help=True, help="Measure speed against the peers, in one run.")

# MobileNet V1 1.0 with random weights: speed does not depend on their values.
NETWORK = "reference.coin_classifier.networks:benchmark_network"
QUARTER = "reference.coin_classifier.networks:quarter_benchmark_network"


@app.callback()
def _group() -> None:
    pass


@app.command("compiler")
def compiler(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Turns of each side.")] = 3,
    as_json: options.Json = False,
) -> None:
    """Compile and simulate MobileNet 1.0 at 224 through the worker, and with nncase directly.

    Examples:

        k210 bench compiler

        k210 bench compiler --rounds 5 --json
    """
    from dataclasses import asdict

    from harness.bench.compiler import bench_compiler
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json
    from harness.pipeline.factory import load_module

    rows = bench_compiler(load_module(NETWORK), rounds, TerminalProgress())
    if as_json:
        print_json({"machine": machine(), "rows": [asdict(row) for row in rows]})
    else:
        _show(rows)


@app.command("simulator")
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
    from dataclasses import asdict

    from harness.bench.machine import machine
    from harness.bench.simulator import bench_simulator
    from harness.cli.console import TerminalProgress, print_json
    from harness.pipeline.factory import load_module

    modules = {"1.0": load_module(NETWORK), "0.25": load_module(QUARTER)}
    bench = bench_simulator(modules, rounds, TerminalProgress())
    if as_json:
        documents = [row for part in asdict(bench).values() for row in part]
        print_json({"machine": machine(), "rows": documents})
    else:
        _show_simulator(bench)
        _show_footprints(bench)
        _show_devices(bench)


@app.command("board")
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
    from dataclasses import asdict, replace

    from harness.bench.board import bench_board
    from harness.bench.faults import FULL, QUICK
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json

    amount = QUICK if quick else FULL
    amount = replace(amount, cuts=cuts) if cuts else amount
    bench = bench_board(amount, TerminalProgress())
    if as_json:
        rows = [asdict(row) for part in (bench.puts, bench.skips, bench.faults) for row in part]
        print_json({"machine": {**machine(), "mpremote": bench.mpremote}, "rows": rows})
    else:
        _show_board(bench)


@app.command("blame")
def blame(as_json: options.Json = False) -> None:
    """Look at every layer of MobileNet 1.0 at 224 on 32 pictures, without nncase and boards.

    Examples:

        k210 bench blame

        k210 bench blame --json
    """
    from dataclasses import asdict

    from harness.bench.blame import bench_blame
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.pipeline.factory import load_module

    row = bench_blame(load_module(NETWORK), TerminalProgress())
    if as_json:
        print_json({"machine": machine(), "rows": [asdict(row)]})
    else:
        parts = ", ".join(f"{part} {spent:.1f} s" for part, spent in row.parts.items())
        show_line(f"{row.name}: {row.seconds:.1f} s ({parts}); to blame: {row.stage}")


def _show_board(bench: BoardBench) -> None:
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
