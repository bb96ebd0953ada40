"""A MaixPy board that waits for its IDE: a binary protocol at 1.5 Mbaud instead of the REPL.

A file `/flash/ide_mode.conf` makes the next boot such a one, and is removed by it. Source: MaixPy
`_boot.py` and `src/omv/ide_dbg.c`.
"""

from __future__ import annotations

from harness.board.port import SerialLine
from harness.errors import BoardError

IDE_BAUD = 1_500_000
# A command is 0x30, its number, and how many bytes to answer; 0x8D asks for a fixed word.
QUERY_STATUS = bytes((0x30, 0x8D)) + (4).to_bytes(4, "little")
STATUS = (0xFFEEBBAA).to_bytes(4, "little")
_ANSWER_S = 0.3


class IdeModeError(BoardError):
    """The board speaks the protocol of the MaixPy IDE."""


def explain(line: SerialLine, error: BoardError) -> BoardError:
    """Return a better error where a board without a REPL turns out to be in IDE mode."""
    if not answers_ide(line):
        return error
    return IdeModeError(
        f"the board on {line.url} is in IDE mode: it speaks to the MaixPy IDE, not to a REPL",
        "disconnect the IDE, then press reset: the next boot is an ordinary one",
    )


def answers_ide(line: SerialLine) -> bool:
    """Whether a board answers the IDE's protocol; the line's speed is put back."""
    if "://" in line.url:
        return False
    baud = line.baud
    try:
        line.baud = IDE_BAUD
        for _ in range(2):  # what was sent at the wrong speed may have begun a command
            line.write(bytes(16) + QUERY_STATUS)
            if STATUS in line.drain(0.1, _ANSWER_S):
                return True
        return False
    except BoardError:  # the port cannot run so fast, or is gone
        return False
    finally:
        _restore(line, baud)


def _restore(line: SerialLine, baud: int) -> None:
    try:
        line.baud = baud
    except BoardError:  # it is gone, and whoever met that has said so
        return
