"""`k210 fit`: the constants of the user's own board."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def fit(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Run folders with a board in them.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The timing profile, as JSON.")
    ],
    as_json: options.Json = False,
) -> None:
    """Fit the constants of k210 predict to runs on your own board.

    At least three different models are wanted; those that differ in what they do on the CPU tell
    most. A model cut behind one of its layers is a model, too. The interval of the profile comes
    from predicting each run by the others.

    Examples:

        k210 fit runs/* --out my_board.json

        k210 predict model.kmodel --profile my_board.json
    """
    from harness.cli.console import print_json
    from harness.cli.fit_view import document, show
    from harness.errors import UsageError
    from harness.pipeline.board_times import board_time
    from harness.timing.costs import total
    from harness.timing.fitting import Observation
    from harness.timing.own_board import fit_own
    from harness.timing.profile import write_law
    from harness.timing.steps import network_of

    times = [board_time(folder) for folder in runs]
    kinds = {(one.kind, one.board.name, one.serial_number) for one in times}
    if len(kinds) > 1:
        named = ", ".join(sorted(" ".join(filter(None, kind)) for kind in kinds))
        raise UsageError(f"the runs are of different boards: {named}", "fit one board at a time")
    first = times[0]
    observations = [
        Observation(one.label, one.label, total(network_of(one.program)), one.ms, one.board.clocks)
        for one in times
    ]
    origin = f"{len(times)} runs on a {first.kind} board, {first.board.title}"
    found = fit_own(observations, origin)
    write_law(out, found.law, len(times))
    if as_json:
        print_json(document(found, out))
    else:
        show(found, out)
