"""Recovering a board: the ladder climbed, its log, and the marker where it ends in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.board.failures import SilentBoardError
from harness.board.recovery import journal, quarantine
from harness.board.recovery.journal import Recovery
from harness.board.recovery.ladder import Ladder, State, Step
from harness.board.recovery.rungs import REPLUG_S, rungs
from harness.errors import BoardError

if TYPE_CHECKING:
    from harness.board.board import Board


class LostBoardError(SilentBoardError):
    """A board did not come back by any rung of the ladder."""


def recover(
    board: Board,
    why: str,
    *,
    hook: str | None = None,
    wait: float = REPLUG_S,
    put_away: bool = True,
    on_step: Callable[[Step], None] | None = None,
) -> Recovery:
    """Bring a board back to its raw REPL, from gentle to rough, in bounded time.

    Args:
        board: The board, open on a port that may be gone.
        why: What went wrong, for the log.
        hook: Power hook; None for `K210_POWER_HOOK`.
        wait: Seconds to wait for a port that is gone.
        put_away: Whether a board that does not come back goes into quarantine. Not where none is
            known to have been there: it may be the wrong port.
        on_step: Who hears of each rung.

    Raises:
        LostBoardError: No rung helped.
    """
    ladder = Ladder(rungs(board, board.known, hook, wait), on_step=on_step)
    state = ladder.climb()
    port = board.repl.line.url
    found = journal.note(port, why, ladder.helped, ladder.steps)
    if state is State.RECOVERED:
        board.forget()
        return found
    # One that was pulled out is not wedged.
    raise _lost(found, put_away and not board.repl.line.gone)


def _lost(found: Recovery, put_away: bool) -> BoardError:
    tried = ", ".join(step.rung for step in found.steps if step.result != "absent") or "nothing"
    said = "; ".join(f"{step.rung}: {step.said}" for step in found.steps if step.said)
    cause = f"the board on {found.port} did not come back in {found.seconds:.0f} s; tried: {tried}"
    if put_away:
        quarantine.put(found.port, f"{found.why}; tried: {tried}")
        remedy = f"take its power away and give it back, then: k210 board release {found.port}"
    else:
        remedy = "take its power away and give it back, or is it another port?"
    return LostBoardError(f"{cause} ({said})" if said else cause, remedy)
