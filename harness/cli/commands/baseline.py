"""`k210 baseline`: which run others are held against, signed off by somebody, for a reason."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from harness.cli import options

app = typer.Typer(no_args_is_help=True, help="Sign off the runs that others are held against.")


@app.callback()
def _group() -> None:
    pass


@app.command("set")
def set_baseline(
    name: Annotated[str, typer.Argument(help="Of the baseline, such as release.")],
    run: Annotated[str, typer.Argument(help="Name of a run in the store, or its beginning.")],
    why: Annotated[str, typer.Option("--why", help="The reason, in words.")],
    who: Annotated[str | None, typer.Option("--who", help="Who says so; else the user.")] = None,
    move: Annotated[
        bool, typer.Option("--move", help="Let a name that is taken stand for this run.")
    ] = False,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """Let a name stand for a run.

    Examples:

        k210 baseline set release demo --who ada --why "shipped with 1.0"

        k210 baseline set release demo2 --who ada --why "new coins" --move
    """
    from dataclasses import asdict

    from harness.cli.console import print_json, show_line
    from harness.store.baselines import sign_off
    from harness.store.database import Store

    signer = getpass.getuser() if who is None else who
    with Store.open(store) as opened:
        signed = sign_off(opened, name, run, signer, why, move=move)
    if as_json:
        print_json(asdict(signed))
    else:
        show_line(f"{signed.name}: {signed.run_id}, signed off by {signed.who}: {signed.why}")
    return 0


@app.command("list")
def list_baselines(
    history: Annotated[bool, typer.Option("--history", help="Every sign-off there was.")] = False,
    store: options.Store = None,
    as_json: options.Json = False,
) -> int:
    """List what each name stands for.

    Examples:

        k210 baseline list

        k210 baseline list --history
    """
    from dataclasses import asdict

    from harness.cli.console import print_json, show_line, show_table
    from harness.cli.store_view import baseline_table
    from harness.store import baselines
    from harness.store.database import Store

    with Store.open(store) as opened:
        found = baselines.history(opened) if history else baselines.current(opened)
    if as_json:
        print_json({"baselines": [asdict(one) for one in found]})
    elif found:
        show_table(baseline_table(found))
    else:
        show_line("no baselines")
    return 0
