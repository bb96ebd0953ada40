"""Each fault on a virtual board, as who uses the board meets it."""

from __future__ import annotations

import time

import pytest

from harness.board.board import Board
from harness.board.failures import ScriptError, SilentBoardError
from harness.board.recovery import quarantine
from harness.board.recovery.recover import LostBoardError
from harness.board.recovery.rungs import Interrupt, SoftReset
from harness.board.virtual import start
from harness.errors import BoardError, UsageError
from tests.conftest import timed

from .client import Client

pytestmark = pytest.mark.usefixtures("micropython", "lock_folder")


def printing(board, count):
    """Let a program print lines, and return what came."""
    return board.exec(f"for n in range({count}):\n print('line %04d' % n)", timeout=20)


@pytest.mark.parametrize("kind", ["lose", "garble"])
def test_bytes_are_damaged_in_the_same_way_each_time(kind):
    found, struck = [], []
    for _ in range(2):
        with start(baud=0, faults=[f"{kind}:every=1500,seed=4"]) as virtual:
            with Client(virtual.port) as client:
                client.enter_raw()
                client.send(b"for n in range(900): print('line %04d' % n)\x04")
                found.append(client.quiet(1.5))
            struck.append([(one["kind"], one["unit"], one["at"]) for one in virtual.strikes()])
    assert struck[0]
    assert {one[0] for one in struck[0]} == {kind}
    common = min(map(len, struck))
    assert struck[0][:common] == struck[1][:common]
    assert len(found[0].splitlines()) > 800


def test_a_stall_passes():
    with (
        start(baud=0, faults=["stall:every=8000,seed=1,most=1,seconds=1.5"]) as virtual,
        Board.open(virtual.port) as board,
    ):
        started = time.monotonic()
        assert printing(board, 1000).count("\n") == 1000
        assert time.monotonic() - started > 1.2
        assert {one["kind"] for one in virtual.strikes()} == {"stall"}


def test_after_a_reset_the_board_is_brought_back():
    with (
        start(baud=0, faults=["reset:after=5000,every=9000,seed=2,most=1"]) as virtual,
        Board.open(virtual.port) as board,
    ):
        board.exec("kept = 1")
        with pytest.raises(BoardError):
            printing(board, 3000)
        board.revive("it fell silent")
        assert virtual.strikes()[0]["kind"] == "reset"
        with pytest.raises(ScriptError, match="NameError"):
            board.exec("kept")
        assert board.eval("6 * 7") == 42


def test_unplugged_and_plugged_in_under_another_name():
    with (
        start(baud=0, faults=["unplug:after=5000,every=9000,seed=2,most=1,seconds=0.5"]) as virtual,
        Board.open(virtual.port) as board,
    ):
        port = virtual.port
        with pytest.raises(BoardError):
            printing(board, 3000)
        board.revive("it was pulled out")
        assert board.repl.line.url == virtual.port != port
        assert [one.helped for one in board.recoveries] == ["replug"]
        assert board.eval("6 * 7") == 42


def test_a_full_file_system_is_told_in_one_line():
    with (
        start(baud=0, faults=["full:system=sd,free=5000"]) as virtual,
        Board.open(virtual.port) as board,
    ):
        board.write("/sd/small", bytes(2000))
        with pytest.raises(BoardError, match="left") as caught:
            board.write("/sd/large", bytes(9000))
        assert "k210 board rm" in caught.value.remedy
        with pytest.raises(ScriptError, match="28"):
            board.exec("f=open('/sd/x','wb')\nfor _ in range(9): f.write(bytes(1000))")


@timed
def test_only_a_power_cycle_ends_a_wedge(monkeypatch):
    with start(baud=0, faults=["wedge:after=5000,every=9000,seed=1,most=1"]) as virtual:
        board = Board.open(virtual.port)
        try:
            started = time.monotonic()
            with pytest.raises(SilentBoardError):
                board.exec("for n in range(3000):\n print('line %04d' % n)", timeout=7)
            assert time.monotonic() - started < 10
            assert Interrupt(board).climb() == "failed"
            assert SoftReset(board).climb() == "failed"
            virtual.press_reset()
            assert Interrupt(board).climb() == "failed"
            monkeypatch.setenv("K210_POWER_HOOK", virtual.power_command)
            board.revive("it was wedged")
            assert board.recoveries[-1].helped == "power"
            assert [step.result for step in board.recoveries[-1].steps].count("helped") == 1
            assert board.eval("6 * 7") == 42
        finally:
            board.close()


@pytest.mark.slow
def test_a_wedge_without_a_hook_ends_in_quarantine_and_in_bounded_time():
    with start(baud=0, faults=["wedge:after=5000,every=9000,seed=1,most=1"]) as virtual:
        board = Board.open(virtual.port)
        try:
            with pytest.raises(SilentBoardError):
                board.exec("for n in range(3000):\n print('line %04d' % n)", timeout=3)
            started = time.monotonic()
            with pytest.raises(LostBoardError, match="tried: interrupt, soft reset"):
                board.revive("it was wedged")
            assert time.monotonic() - started < 40
        finally:
            board._close_port()
        with pytest.raises(BoardError, match="quarantine"):
            Board.open(virtual.port)
        assert quarantine.release(virtual.port)


def test_a_board_that_is_fresh_on_an_old_name_is_in_no_quarantine(monkeypatch):
    from harness.board.virtual import board as module

    released = []
    monkeypatch.setattr(module.quarantine, "release", released.append)
    with start(baud=0) as virtual:
        assert released == [virtual.port]


def test_a_speed_that_no_board_starts_at_is_refused():
    with pytest.raises(UsageError, match="9600"):
        start(baud=9600)
