"""`k210 board recover` and `k210 board release`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.commands.board.options import complete_board, log

if TYPE_CHECKING:
    from harness.board.recovery.ladder import Step

Place = Annotated[
    str, typer.Argument(metavar="PORT", help="The board's port.", autocompletion=complete_board)
]


def recover(
    port: Place,
    power_hook: Annotated[
        str | None,
        typer.Option(
            metavar="CMD",
            help="Command that takes the board's power away and gives it back; K210_POWER_HOOK.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Bring a silent board back: Ctrl-C, soft reset, DTR/RTS, then the power hook.

    A board that does not come back goes into quarantine, until it is released.

    Examples:

        k210 board recover /dev/ttyUSB0

        k210 board recover /dev/ttyUSB0 --power-hook "uhubctl -l 1-1 -p 2 -a cycle"
    """
    from dataclasses import asdict

    from harness.board.board import Board
    from harness.board.recovery.recover import recover as climb
    from harness.cli.console import print_json, show_line

    with Board.opened_unasked(port, on_log=log) as board:
        found = climb(board, "k210 board recover", hook=power_hook, on_step=_tell)
    if as_json:
        print_json({**asdict(found), "seconds": found.seconds})
    else:
        show_line(f"{found.port}: back after {found.seconds:.1f} s by {found.helped}")


def release(port: Place, as_json: options.Json = False) -> None:
    """End the quarantine of a port.

    Examples:

        k210 board release /dev/ttyUSB0
    """
    from harness.board.recovery import quarantine
    from harness.cli.console import print_json, show_line

    was = quarantine.release(port)
    if as_json:
        print_json({"port": port, "was_in_quarantine": was})
    else:
        show_line(f"{port}: {'released' if was else 'was not in quarantine'}")


def _tell(step: Step) -> None:
    said = f" ({step.said})" if step.said else ""
    log(f"{step.rung}: {step.result} after {step.seconds:.1f} s{said}")
