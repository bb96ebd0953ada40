"""A run's result on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cli.console import print_json, show_line, show_table
from harness.compare.comparison import describe_failures
from harness.report.board_name import with_named_board
from harness.report.schema import HTML_FILE

if TYPE_CHECKING:
    from rich.table import Table

    from harness.pipeline.run import RunResult
    from harness.report.schema import CrossValidationRecord, Report


def show_run(result: RunResult, as_json: bool) -> int:
    """Print a run and return its exit code: 0 within tolerance, 1 outside."""
    report = result.report
    if as_json:
        print_json({**report.document(), "folder": str(result.folder)})
    else:
        _print(result)
    return 0 if report.verdict == "pass" else 1


def _print(result: RunResult) -> None:
    report = with_named_board(result.report)
    show_table(_backends(report))
    if report.comparisons:
        show_table(_comparisons(report))
    if report.cross_validation:
        show_table(_cross_validation(report.cross_validation))
    for warning in report.data.warnings:
        show_line(warning, "note", "yellow")
    for comparison in result.comparisons:
        for entry in comparison.outputs.values():
            for failure in describe_failures(entry):
                show_line(failure.strip(), "outside tolerance", "red")
    style = "green" if report.verdict == "pass" else "red"
    show_line(f"report: {result.folder / HTML_FILE}", report.verdict, style)


def _backends(report: Report) -> Table:
    from rich.table import Table
    from rich.text import Text

    names = list(dict.fromkeys(name for b in report.backends.values() for name in b.metrics))
    table = Table(title=Text(f"{report.method} on {report.data.items} items"))
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
    from rich.text import Text

    verdicts = {
        True: Text("within", "green"),
        False: Text("outside", "red"),
        None: Text("not judged"),
    }
    bit_exact = Text("bit-exact", "green")
    table = Table()
    for column in ("comparison", "output", "cosine", "max abs", "SNR dB", "top-1 agreement", ""):
        table.add_column(column, justify="left" if column in ("comparison", "output") else "right")
    for entry in report.comparisons:
        agreement = "" if entry.top1_agreement is None else f"{entry.top1_agreement:.4f}"
        table.add_row(
            f"{entry.reference} ↔ {entry.candidate}",
            Text(entry.output),
            f"{entry.cosine:.5f}",
            f"{entry.max_abs:.4g}",
            "∞" if entry.snr_db is None else f"{entry.snr_db:.1f}",
            agreement,
            verdicts[entry.within_tolerance] if entry.first_difference else bit_exact,
        )
    return table


def _cross_validation(folded: CrossValidationRecord) -> Table:
    from rich.table import Table

    table = Table(title=f"{folded.folds}-fold cross-validation on {folded.items} items")
    for column in ("backend", "accuracy", "95 % interval", "a fold"):
        table.add_column(column, justify="left" if column == "backend" else "right")
    for name, accuracy in folded.accuracy.items():
        low, high = folded.intervals[name]
        each = "  ".join(f"{share:.3f}" for share in folded.fold_accuracy[name])
        table.add_row(name, f"{accuracy:.4f}", f"{low:.3f} to {high:.3f}", each)
    for entry in folded.comparisons:
        agreement = "" if entry.top1_agreement is None else f"agree {entry.top1_agreement:.4f}"
        pair = f"{entry.reference} ↔ {entry.candidate}"
        table.add_row(pair, agreement, f"cosine {entry.cosine:.5f}", "")
    return table
