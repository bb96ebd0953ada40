"""The rungs for a board on a serial line: what is done, and for how long at the most."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.board import raw_repl
from harness.board.port import Deadline
from harness.board.recovery import power
from harness.board.recovery.ladder import Result, Rung
from harness.board.recovery.wirings import HOLD_S, Wiring, wirings_of
from harness.board.whereabouts import Identity, find
from harness.errors import BoardError

if TYPE_CHECKING:
    from harness.board.board import Board

ANSWER_S = 6.0
# A boot, the knocking into it, and the answer.
RESTART_S = 13.0
REPLUG_S = 10.0
_LOOK_S = 0.1
# A port appears before the system lets everybody open it.
_SETTLE_S = 0.3


@dataclass
class Replug:
    """Wait for a port that has been pulled out, under this or another name."""

    board: Board
    identity: Identity
    wait: float = REPLUG_S
    name: str = "replug"

    @property
    def seconds(self) -> float:
        """See `Rung`."""
        return self.wait + _SETTLE_S + RESTART_S

    def climb(self) -> Result:
        """See `Rung`."""
        if not self.board.repl.line.gone:
            return "absent"
        reopen(self.board, self.identity, self.wait)
        return answers(self.board.repl.restarted)


@dataclass
class Interrupt:
    """Ctrl-C, and the raw REPL anew; also at the speed that a reset has put the board back to."""

    board: Board
    seconds: float = 2 * ANSWER_S + 1.0
    name: str = "interrupt"

    def climb(self) -> Result:
        """See `Rung`."""
        line = self.board.repl.line
        result = answers(lambda: self.board.repl.enter(ANSWER_S))
        if result == "failed" and line.baud != self.board.baud:
            line.baud = self.board.baud
            result = answers(lambda: self.board.repl.enter(ANSWER_S))
        return result


@dataclass
class SoftReset:
    """Ctrl-D at the friendly prompt: MicroPython starts again, the chip does not."""

    board: Board
    seconds: float = RESTART_S
    name: str = "soft reset"

    def climb(self) -> Result:
        """See `Rung`."""
        repl = self.board.repl
        repl.line.write(b"\r" + raw_repl.INTERRUPT * 2 + raw_repl.FRIENDLY + raw_repl.END)
        return answers(repl.restarted)


@dataclass
class LineReset:
    """The chip's reset, where DTR and RTS reach it."""

    board: Board
    wiring: Wiring
    sleep: Callable[[float], None] = time.sleep

    @property
    def name(self) -> str:
        """See `Rung`."""
        return f"DTR/RTS {self.wiring.name}"

    @property
    def seconds(self) -> float:
        """See `Rung`."""
        return RESTART_S + HOLD_S * len(self.wiring.reset)

    def climb(self) -> Result:
        """See `Rung`."""
        line = self.board.repl.line
        for dtr, rts in self.wiring.reset:
            try:
                line.set_levels(dtr, rts)
            except BoardError:
                return "absent"
            self.sleep(HOLD_S)
        return answers(self.board.repl.restarted)


@dataclass
class Power:
    """The power hook, and the port anew: many bridges lose their power with the board."""

    board: Board
    identity: Identity
    command: str | None
    limit: float = power.LIMIT_S
    name: str = "power"

    @property
    def seconds(self) -> float:
        """See `Rung`."""
        return self.limit + REPLUG_S + _SETTLE_S + RESTART_S if self.command else 0.0

    def climb(self) -> Result:
        """See `Rung`."""
        if self.command is None:
            return "absent"
        power.cycle(self.command, self.board.repl.line.url, self.limit)
        time.sleep(_SETTLE_S)
        if self.board.repl.line.gone:
            reopen(self.board, self.identity, REPLUG_S)
        return answers(self.board.repl.restarted)


def rungs(
    board: Board, identity: Identity, hook: str | None = None, wait: float = REPLUG_S
) -> list[Rung]:
    """Return the ladder of a board, from gentle to rough.

    Args:
        board: The board, whose port may be gone.
        identity: How to know it again.
        hook: Power hook; None for `K210_POWER_HOOK`, or none.
        wait: Seconds to wait for a port that is gone.
    """
    return [
        Replug(board, identity, wait),
        Interrupt(board),
        SoftReset(board),
        *(LineReset(board, wiring) for wiring in wirings_of(identity.bridge)),
        Power(board, identity, power.hook_of(hook)),
    ]


def reopen(board: Board, identity: Identity, seconds: float) -> None:
    """Open a board's port anew, under the name that it has now.

    Raises:
        BoardError: It does not come back in time, or cannot be opened.
    """
    deadline, refused = Deadline(seconds), None
    while True:
        port = find(identity)
        if port is not None:
            try:
                board.reopen(port)
                return
            except BoardError as error:
                refused = error
        if deadline.passed:
            break
        time.sleep(min(_LOOK_S, deadline.left))
    raise refused or BoardError(
        f"the board on {board.repl.line.url} has not come back after {seconds:g} s",
        "plug it in again",
    )


def answers(reach: Callable[[], None]) -> Result:
    """Return whether a board answers, by what reaches its raw REPL."""
    try:
        reach()
    except BoardError:
        return "failed"
    return "helped"
