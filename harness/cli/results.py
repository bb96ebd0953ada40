"""A run's result on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.console import print_json, stdout
from harness.report.schema import HTML_FILE

if TYPE_CHECKING:
    from rich.table import Table

    from harness.pipeline.run import RunResult
    from harness.report.schema import Report


def show_run(result: RunResult, as_json: bool) -> int:
    """Print a run and return its exit code: 0 within tolerance, 1 outside."""
    report = result.report
    if as_json:
        print_json({**report.document(), "folder": str(result.folder)})
    else:
        _print(result)
    return 0 if report.verdict == "pass" else 1


def _print(result: RunResult) -> None:
    from rich.markup import escape

    console, report = stdout(), result.report
    console.print(_backends(report))
    if report.comparisons:
        console.print(_comparisons(report))
    for warning in report.data.warnings:
        console.print(f"[yellow]note[/]  {escape(warning)}", soft_wrap=True)
    for comparison in result.comparisons:
        for entry in comparison.outputs.values():
            for name, (found, limit) in entry.failures.items():
                would = entry.tolerance_that_would_pass[name]
                console.print(
                    f"[red]outside tolerance[/]  {entry.output}: {name} {found:.6g}, "
                    f"limit {limit:.6g}; {name}={would:.6g} would pass",
                    soft_wrap=True,
                )
    verdict = "[green]pass[/]" if report.verdict == "pass" else "[red]fail[/]"
    page = escape(str(result.folder / HTML_FILE))
    console.print(f"{verdict}  report: {page}", soft_wrap=True)


def _backends(report: Report) -> Table:
    from rich.table import Table

    names = list(dict.fromkeys(name for b in report.backends.values() for name in b.metrics))
    table = Table(title=f"{report.method} on {report.data.items} items")
    for column in ("backend", *names, "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "backend" else "right")
    for name, backend in report.backends.items():
        values = [f"{backend.metrics[key]:.4f}" if key in backend.metrics else "" for key in names]
        latency = backend.latency_ms
        times = [f"{t:.2f}" for t in (latency.p50, latency.p95, latency.p99)] if latency else []
        table.add_row(name, *values, *times)
    return table


def _comparisons(report: Report) -> Table:
    from rich.table import Table

    table = Table()
    for column in ("comparison", "output", "cosine", "max abs", "SNR dB", "top-1 agreement", ""):
        table.add_column(column, justify="left" if column in ("comparison", "output") else "right")
    for entry in report.comparisons:
        agreement = "" if entry.top1_agreement is None else f"{entry.top1_agreement:.4f}"
        table.add_row(
            f"{entry.reference} ↔ {entry.candidate}",
            entry.output,
            f"{entry.cosine:.5f}",
            f"{entry.max_abs:.4g}",
            "∞" if entry.snr_db is None else f"{entry.snr_db:.1f}",
            agreement,
            {True: "[green]within[/]", False: "[red]outside[/]", None: "not judged"}[
                entry.within_tolerance
            ],
        )
    return table
