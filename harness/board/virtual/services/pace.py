"""How long a K210 would take: times of models, camera and display by the harness's prediction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.board.virtual.profile import Profile
from harness.board.virtual.services.system import System
from harness.timing import Law, predict
from harness.timing.boards import board_titled
from harness.timing.steps import CpuStep, Network

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

    def region_ms(self, outputs: int) -> float:
        """Return the time of the firmware's region layer: an exponential for each output."""
        step = CpuStep("region layer", "softmax", outputs)
        return predict(Network(3, (step,)), board=self._board, law=self._law).steps[-1].ms

    def wait(self, milliseconds: float, started: float) -> None:
        """Let the host wait until so long after a moment of its monotonic clock, if it is paced."""
        if self._paced:
            time.sleep(max(0.0, started + milliseconds / 1000 - time.monotonic()))

    def settle(self, milliseconds: float, seen_ms: float) -> None:
        """Set the board's clock so that what it saw as `seen_ms` becomes `milliseconds`."""
        self._system.stolen_ms += seen_ms - milliseconds

    def camera_ms(self) -> float:
        """Return the period of the camera's sensor."""
        return self._board.frame_ms

    def lcd_ms(self) -> float:
        """Return how long the display takes for a picture."""
        return self._board.display_ms
