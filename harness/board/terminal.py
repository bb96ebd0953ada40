"""A board's friendly REPL on this terminal."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from harness.board.port import SerialLine
from harness.errors import UsageError

LEAVE = b"\x1d"  # Ctrl-]
_TICK_S = 0.02


def converse(line: SerialLine, keys: int, screen: int) -> None:
    """Send keys to the board and show what it says, until Ctrl-] or the end of the keys.

    Args:
        line: Where the board is.
        keys: File descriptor that keys come from; a terminal passes every key at once.
        screen: File descriptor to write to.
    """
    with _raw(keys):
        while True:
            ready, _, _ = select.select([keys], [], [], 0.0)
            if ready:
                typed = os.read(keys, 256)
                before, leave, _ = typed.partition(LEAVE)
                line.write(before)
                if leave or not typed:
                    _show(screen, line.drain(0.1, 1.0))
                    return
            _show(screen, line.read(_TICK_S))


def _show(screen: int, data: bytes) -> None:
    while data:
        data = data[os.write(screen, data) :]


@contextmanager
def _raw(keys: int) -> Iterator[None]:
    if not os.isatty(keys):
        yield
        return
    if sys.platform == "win32":
        raise UsageError("k210 board repl needs a POSIX terminal", "use PuTTY at 115200 baud")
    import termios
    import tty

    before = termios.tcgetattr(keys)
    try:
        tty.setraw(keys)
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
