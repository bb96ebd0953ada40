"""`k210 bench report`: what it costs to keep and to show a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.commands.bench.networks import QUARTER

if TYPE_CHECKING:
    from harness.bench.report import ReportRow
    from harness.progress import Progress


def report(
    runs: Annotated[int, typer.Option("--runs", min=2, help="Copies of a run.")] = 20,
    as_json: options.Json = False,
) -> None:
    """Put a run into a store many times, write its pages, and put the same into MLflow.

    Examples:

        k210 bench report

        k210 bench report --runs 100 --json
    """
    from harness.bench.machine import machine
    from harness.cli.console import TerminalProgress, print_json, show_line

    rows = measure(runs, TerminalProgress())
    if as_json:
        print_json({"machine": machine(), "rows": [asdict(row) for row in rows]})
        return
    for row in rows:
        peer = f", MLflow takes {row.ratio_mlflow:.1f} times that" if row.ratio_mlflow else ""
        show_line(f"{row.name}: {row.ms_per_run:.1f} ms a run{peer}")


def measure(runs: int, progress: Progress) -> list[ReportRow]:
    """Run a small network once, and measure what comes after."""
    import tempfile

    import numpy as np

    from harness.bench.report import bench_report
    from harness.method import EvaluationSet, InputContract, Tolerance
    from harness.pipeline.factory import deployable_of, load_module
    from harness.pipeline.run import RunRequest, execute

    contract = InputContract((3, 96, 96))
    images = np.random.default_rng(0).integers(0, 256, (16, *contract.shape), np.uint8)
    items = EvaluationSet(tuple(map(str, range(len(images)))), images)
    deployable = deployable_of(
        load_module(QUARTER), "quarter", contract, images[:4], items, Tolerance()
    )
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run"
        execute(deployable, out, RunRequest("quarter", ("float", "kpu"), progress=progress))
        return bench_report(out, runs, progress)
