"""`k210 board exec`, `repl` and `reset`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.cli.commands.board.options import Port, board, log


def execute(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Script here, to run on the board.")
    ] = None,
    code: Annotated[str, typer.Option("--code", "-c", help="Code, instead of a file.")] = "",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds that it may take.")
    ] = 600.0,
    port: Port = "auto",
    as_json: options.Json = False,
) -> None:
    """Run a script on a board and show what it prints, as it prints it.

    An error there names the line of the script. Ctrl-C stops it, and leaves the board at its REPL.

    Examples:

        k210 board exec device_scripts/selftest.py

        k210 board exec -c "import os; print(os.uname())" --json
    """
    from harness.cli.console import print_json
    from harness.errors import UsageError

    if (file is None) == (not code):
        raise UsageError("k210 board exec takes a file, or code with -c", "give one of them")
    text = file.read_text("utf-8") if file else code
    with board(port) as found:
        printed = found.exec(
            text, timeout, name=file.name if file else "-c", show=_drop if as_json else _show
        )
    if as_json:
        print_json({"printed": printed})


def repl(port: Port = "auto") -> None:
    """Talk to the board's REPL; Ctrl-] leaves.

    Examples:

        k210 board repl

        k210 board repl --board rfc2217://desk.local:2217
    """
    from harness.board.terminal import converse
    from harness.cli.console import TerminalProgress

    with board(port) as found:
        TerminalProgress().say(f"{found.repl.line.url}: Ctrl-] leaves, Ctrl-D resets")
        found.repl.leave()
        found.repl.line.write(b"\r")
        converse(found.repl.line, sys.stdin.fileno(), sys.stdout.fileno())


def reset(
    hard: Annotated[
        bool, typer.Option("--hard", help="Reset the chip too, with machine.reset().")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop boot.py and main.py, and stay at the REPL.")
    ] = False,
    port: Port = "auto",
    as_json: options.Json = False,
) -> None:
    """Restart a board; boot.py and main.py run again, unless they are stopped.

    Examples:

        k210 board reset --stop

        k210 board reset --hard
    """
    from harness.board.board import Board
    from harness.board.choose import VIRTUAL, resolve
    from harness.cli.console import print_json, show_line
    from harness.errors import UsageError

    chosen = resolve(port)
    if chosen == VIRTUAL:
        raise UsageError("a virtual board of its own has nothing to reset", "name its port")
    with Board.open(chosen, on_log=log) as found:
        if stop:
            found.hard_reset() if hard else found.soft_reset()
        else:
            found.release_into_reset(hard)
    if as_json:
        print_json({"port": chosen, "hard": hard, "stopped": stop})
    else:
        show_line(f"{chosen}: reset, {'at its REPL' if stop else 'running boot.py and main.py'}")


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _drop(text: str) -> None:
    pass
