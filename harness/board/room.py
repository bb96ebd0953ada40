"""How many bytes a board surely takes at once."""

from __future__ import annotations

import os

from harness.board import raw_repl
from harness.errors import UsageError

# For boards with a smaller receive ring than a K210's, such as a micro:bit: 60.
ROOM_VARIABLE = "K210_BOARD_ROOM"
LEAST_ROOM = 48


def usual_room() -> int:
    """Return what the user says, or what MaixPy and CanMV take.

    Raises:
        UsageError: The user says no number, or one that is too small.
    """
    text = os.environ.get(ROOM_VARIABLE, str(raw_repl.ROOM))
    if not text.isdecimal() or int(text) < LEAST_ROOM:
        raise UsageError(f"{ROOM_VARIABLE}={text} is no number from {LEAST_ROOM} on", "such as 60")
    return int(text)
