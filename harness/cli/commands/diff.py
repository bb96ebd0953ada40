"""`k210 diff`: what differs between two kmodels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options

DIFFERENT = 1


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A kmodel.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another kmodel, of any version.")],
    as_json: options.Json = False,
) -> int:
    """Show what differs between two kmodels: layers, registers, tables, weights, places.

    Ends with 0 if nothing does, with 1 if something does.

    Examples:

        k210 diff before.kmodel after.kmodel

        k210 diff model.v4.kmodel model.kmodel --json
    """
    from dataclasses import asdict

    from harness.cli.console import print_json
    from harness.cli.kmodel_table import show_differences
    from harness.kmodel import load
    from harness.kmodel.difference import differences

    found = differences(load(a), load(b))
    if as_json:
        print_json({"a": a.name, "b": b.name, "differences": [asdict(one) for one in found]})
    else:
        show_differences(a.name, b.name, found)
    return DIFFERENT if found else 0
