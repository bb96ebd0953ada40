"""What the board commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harness.board.board import Board


def complete_board(incomplete: str) -> list[str]:
    """Return the words and ports that begin so."""
    from harness.board.discovery import ports
    from harness.errors import HarnessError

    try:
        found = [port.device for port in ports()]
    except HarnessError:
        found = []
    return [word for word in ("auto", "virtual", *found) if word.startswith(incomplete)]


Port = Annotated[
    str,
    typer.Option(
        "--board",
        metavar="auto|virtual|PORT",
        help="auto: K210_BOARD, or the only board there is.",
        autocompletion=complete_board,
    ),
]


@contextmanager
def board(choice: str) -> Iterator[Board]:
    """Open the board that is meant; what its firmware logs goes to stderr on a terminal."""
    from harness.board.choose import opened

    with opened(choice, on_log=log) as found:
        yield found


def log(text: str) -> None:
    """Show what the firmware says beside the answers to us."""
    if sys.stderr.isatty():
        sys.stderr.write(text.rstrip("\n") + "\n")
