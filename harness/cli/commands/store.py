"""`k210 store`: runs into the store, out of it, and to other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

app = typer.Typer(no_args_is_help=True, help="Keep runs in one SQLite file or a PostgreSQL.")


class Format(StrEnum):
    """What an export can be."""

    JSONL = "jsonl"
    JUNIT = "junit"
    MLFLOW = "mlflow"


@app.callback()
def _group() -> None:
    pass


@app.command("import")
def import_runs(
    paths: Annotated[
        list[Path], typer.Argument(help="Run folders, folders of such, or report.json files.")
    ],
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Put runs into the store; those that it has are brought up to date.

    Examples:

        k210 store import runs/demo

        k210 store import runs --store postgresql://lab@db/k210
    """
    from harness.cli.console import TerminalProgress, print_json, show_line
    from harness.store.database import Store
    from harness.store.run_files import find_runs, read_run
    from harness.store.writing import add_run

    reports = [report for path in paths for report in find_runs(path)]
    done: list[dict[str, str]] = []
    with Store.open(store, create=True) as opened:
        with TerminalProgress().task("Importing", len(reports)) as task:
            for report in reports:
                files = read_run(report)
                outcome = add_run(opened, files)
                done.append({"run": files.report.run_id, "from": str(report), "outcome": outcome})
                task.advance(1, files.report.run_id)
        where = str(opened.address)
    if as_json:
        print_json({"store": where, "runs": done})
        return 0
    for outcome in ("added", "updated", "unchanged"):
        names = [one["run"] for one in done if one["outcome"] == outcome]
        if names:
            show_line(f"{len(names)} {outcome}: {', '.join(names)}")
    show_line(f"store: {where}")
    return 0


@app.command("list")
def list_runs(
    store: options.Store = None,
    method: Annotated[str | None, typer.Option("--method", help="Only its runs.")] = None,
    as_json: options.Json = False,
) -> int:
    """List the runs of a store, oldest first.

    Examples:

        k210 store list

        k210 store list --method coin_classifier --json
    """
    from harness.cli.console import print_json, show_line, show_table
    from harness.cli.store_view import run_documents, run_table
    from harness.store import reading
    from harness.store.baselines import current
    from harness.store.database import Store

    with Store.open(store) as opened:
        found = reading.runs(opened, method)
        baselines = current(opened)
        where = str(opened.address)
    if as_json:
        print_json({"store": where, "runs": run_documents(found, baselines)})
    elif found:
        show_table(run_table(found, baselines))
    else:
        show_line("no runs")
    return 0


@app.command("export")
def export(
    to: Annotated[Format, typer.Option("--to", help="What to write.")],
    out: Annotated[
        str | None,
        typer.Option("--out", help="File; for MLflow its tracking URI. Else standard output."),
    ] = None,
    store: options.Store = None,
    method: Annotated[str | None, typer.Option("--method", help="Only its runs.")] = None,
) -> int:
    """Write runs for other programs: JSON Lines, JUnit XML for CI servers, or MLflow.

    Examples:

        k210 store export --to jsonl --out runs.jsonl

        k210 store export --to junit --method coin_classifier > junit.xml

        k210 store export --to mlflow --out http://127.0.0.1:5000
    """
    from harness.cli.console import show_line
    from harness.cli.store_view import write_result
    from harness.errors import UsageError
    from harness.store import reading
    from harness.store.database import Store
    from harness.store.export import jsonl, junit, mlflow

    with Store.open(store) as opened:
        if to is Format.MLFLOW:
            if out is None:
                raise UsageError("MLflow needs --out", "e.g. --out http://127.0.0.1:5000")
            written, present = mlflow.export(opened, out, method)
            show_line(f"{written} written, {present} there already: {out}")
        elif to is Format.JUNIT:
            names = [run.run_id for run in reading.runs(opened, method)]
            write_result(junit.document(reading.report(opened, name) for name in names), out)
        else:
            write_result("".join(f"{line}\n" for line in jsonl.lines(opened, method)), out)
    return 0
