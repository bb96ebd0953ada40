"""Which board is meant: `auto`, `virtual`, or a port."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from harness.board.board import Board
from harness.board.discovery import Found, boards
from harness.board.repl import Listener, silence
from harness.errors import BoardError

AUTO = "auto"
VIRTUAL = "virtual"
VARIABLE = "K210_BOARD"
PROFILE = "m5stickv-0.6"
# Boards that this process keeps open, by port: nobody else could open one of these again.
_HELD: dict[str, Board] = {}


class NoBoardError(BoardError):
    """There is no board to choose; tests are skipped then."""


def resolve(choice: str = AUTO) -> str:
    """Return `virtual`, or the port that is meant.

    Args:
        choice: `auto` takes the environment variable `K210_BOARD`, or the one board there is.

    Raises:
        NoBoardError: `auto`, and there is none.
        BoardError: `auto`, and there are several.
    """
    if choice != AUTO:
        return choice
    named = os.environ.get(VARIABLE, "")
    if named and named != AUTO:
        return named
    return _only(boards())


@contextmanager
def opened(choice: str = AUTO, on_log: Listener = silence) -> Iterator[Board]:
    """Open the board that is meant; `virtual` starts one and ends it afterwards.

    A board that is `held` in this process is lent as it is.

    Raises:
        BoardError: There is none, several, or it cannot be opened.
    """
    port = resolve(choice)
    if port in _HELD:
        yield _HELD[port]
        return
    if port != VIRTUAL:
        with Board.open(port, on_log=on_log, revive=True) as board:
            yield board
        return
    from harness.board import virtual

    with (
        virtual.start(profile=PROFILE) as started,
        Board.open(started.port, on_log=on_log) as board,
    ):
        yield board


@contextmanager
def held(choice: str, on_log: Listener = silence) -> Iterator[Board]:
    """Open a board and lend it to everybody in this process who opens the same port.

    Virtual boards are not lent: whoever wants one gets one.

    Raises:
        BoardError: As for `opened`.
    """
    port = resolve(choice)
    with opened(port, on_log) as board:
        if port != VIRTUAL:
            _HELD[port] = board
        try:
            yield board
        finally:
            _HELD.pop(port, None)


def check(choice: str = AUTO) -> None:
    """Make sure that the board that is meant answers and runs models, before long work for it.

    Raises:
        BoardError: It does not.
    """
    with opened(choice) as board:
        board.info.need_kpu()


def _only(found: list[Found]) -> str:
    if not found:
        raise NoBoardError(
            "no K210 board is on a USB port of this machine",
            f"plug one in, name its port with --board or {VARIABLE}, or take --board virtual",
        )
    if len(found) > 1:
        names = ", ".join(one.port for one in found)
        raise BoardError(f"several boards are there: {names}", "name one with --board")
    return found[0].port
