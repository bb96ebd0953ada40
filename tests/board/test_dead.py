"""A board that dies without a word is noticed by whatever is asked of it."""

from __future__ import annotations

import os
import signal
import time

import pytest

from harness.board import repl, runner
from harness.board.board import Board
from harness.board.failures import OverdueError, SilentBoardError
from harness.board.virtual import start
from tests.conftest import timed


@pytest.fixture
def stopped(micropython):
    """An open board whose process stands still."""
    with start("m5stickv-0.6", baud=0) as virtual, Board.open(virtual.port) as board:
        board.exec("pass")
        os.kill(virtual.pid, signal.SIGSTOP)
        try:
            yield board
        finally:
            os.kill(virtual.pid, signal.SIGCONT)


@timed
@pytest.mark.parametrize(
    "ask",
    [
        lambda board: board.exec("print(1)"),
        lambda board: board.eval("1 + 1"),
        lambda board: board.exec("x = 1\n" * 2000),
        lambda board: board.write("/sd/a.bin", bytes(3000)),
    ],
    ids=["exec", "eval", "long code", "write"],
)
def test_a_dead_board_is_noticed_soon(stopped, monkeypatch, ask):
    monkeypatch.setattr(repl, "START_S", 0.5)
    monkeypatch.setattr(repl, "INTERRUPT_S", 0.2)
    began = time.monotonic()
    with pytest.raises(SilentBoardError, match="does not react") as error:
        ask(stopped)
    assert not isinstance(error.value, OverdueError)
    assert time.monotonic() - began < 3


def test_the_real_limits_keep_the_promise():
    assert repl.START_S + repl.INTERRUPT_S < 10
    assert runner.PATIENCE_S + repl.INTERRUPT_S < runner.NOTICED_S == 10
