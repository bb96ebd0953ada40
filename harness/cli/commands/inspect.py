"""`k210 inspect`: what is in a kmodel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A kmodel, version 3, 4 or 5.")],
    clock: Annotated[
        float, typer.Option("--clock", metavar="MHZ", help="KPU clock that times are given for.")
    ] = 400.0,
    as_json: options.Json = False,
) -> None:
    """Show a kmodel: its layers, memory, work, predicted times, and who can load it.

    Examples:

        k210 inspect model.kmodel

        k210 inspect model.kmodel --json
    """
    from harness.cli.console import print_json
    from harness.cli.kmodel_json import document
    from harness.cli.kmodel_table import show
    from harness.kmodel import load
    from harness.timing import Clocks, predict

    program = load(file)
    times = predict(program, Clocks(kpu_hz=clock * 1e6))
    if as_json:
        print_json(document(file.name, program, times))
    else:
        show(file.name, program, times)
