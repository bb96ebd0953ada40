"""`k210 gate`: whether a run got worse, or whether it is noise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def gate(
    run: Annotated[str, typer.Argument(help="Run folder, or name of a run in the store.")],
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            metavar="NAME|RUN|auto",
            help="Signed-off name, run in the store, run folder, or what the store has.",
        ),
    ] = "auto",
    store: options.Store = None,
    thresholds: Annotated[
        Path | None, typer.Option("--thresholds", help="TOML file; else the built-in ones.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Also write a summary for a pull request.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Hold a run against a baseline on the same items, and against the runs before it.

    Exit codes: 0 no worse; 1 worse, or not enough data to tell, which the field enough_data says.

    Examples:

        k210 gate runs/new --baseline runs/old

        k210 gate runs/new --baseline release --store lab.sqlite --markdown summary.md

        k210 gate runs/new --baseline auto --thresholds gate.toml --json
    """
    from harness.cli.console import print_json
    from harness.cli.gate_view import show_gate
    from harness.files import write_text
    from harness.gate.markdown import summary
    from harness.gate.thresholds import read_thresholds
    from harness.pipeline.gating import gate_run

    found = gate_run(run, baseline, store, read_thresholds(thresholds))
    if markdown:
        write_text(markdown, summary(found))
    if as_json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        show_gate(found)
    return 0 if found.verdict == "pass" else 1
