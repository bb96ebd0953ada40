"""`k210 bench`: speed against the peers, measured in one run."""

from __future__ import annotations

import typer

from harness.cli.commands.bench import (
    bench_all,
    bench_blame,
    bench_board,
    bench_compiler,
    bench_report,
    bench_simulator,
)

app = typer.Typer(no_args_is_help=True, help="Measure speed against the peers, in one run.")


@app.callback()
def _group() -> None:
    pass


app.command("compiler")(bench_compiler.compiler)
app.command("simulator")(bench_simulator.simulator)
app.command("board")(bench_board.board)
app.command("blame")(bench_blame.blame)
app.command("report")(bench_report.report)
app.command("all")(bench_all.everything)
