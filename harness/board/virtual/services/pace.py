"""How long a K210 would take: times of models, camera and display by the harness's prediction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.board.virtual.profile import Profile
from harness.board.virtual.services.system import System
from harness.timing import Law, predict
from harness.timing.boards import board_titled

if TYPE_CHECKING:
    from harness.kmodel.program import Program


class Pace:
    """Lets the board's clock see the times of a K210, whatever the host takes.

    Args:
        profile: Which board and firmware: clocks, camera, display.
        system: Whose clock it is.
        law: What predictions are made with.
        paced: Whether the host waits, too; else the board's clock alone moves on.
    """

    def __init__(
        self, profile: Profile, system: System, law: Law | None = None, paced: bool = True
    ) -> None:
        self._board, self._system, self._paced = board_titled(profile.board), system, paced
        self._law = law or Law()

    def model_ms(self, program: Program, operations: int | None = None) -> float:
        """Return the time of a model, or of its first operations alone."""
        steps = predict(program, board=self._board, law=self._law).steps
        before = len(steps) - len(program.operations)
        return sum(step.ms for step in steps[: before + (operations or len(program.operations))])

    def spend(self, milliseconds: float, started: float) -> None:
        """Let time go by since a moment of the host's monotonic clock, no more and no less."""
        if self._paced:
            time.sleep(max(0.0, started + milliseconds / 1000 - time.monotonic()))
        self._system.stolen_ms += (time.monotonic() - started) * 1000 - milliseconds

    def camera_ms(self) -> float:
        """Return the period of the camera's sensor."""
        return self._board.frame_ms

    def lcd_ms(self) -> float:
        """Return how long the display takes for a picture."""
        return self._board.display_ms
