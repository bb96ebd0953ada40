"""How long a program takes on a K210, predicted from what is published about it."""

from __future__ import annotations

from harness.timing.boards import Board, board_named
from harness.timing.fitting import Clocks
from harness.timing.prediction import Law, Prediction, StepTime, predict

__all__ = ["Board", "Clocks", "Law", "Prediction", "StepTime", "board_named", "predict"]
