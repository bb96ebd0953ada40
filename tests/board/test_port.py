"""Ports that cannot be had, and boards that are none: one error each, nothing left locked."""

from __future__ import annotations

import grp  # noqa: F401  not readable any more once the test is another user
import os
import sys
import termios
import time
from pathlib import Path

import pytest
import serial

from harness.board import discovery
from harness.board.board import Board
from harness.board.failures import SilentBoardError
from harness.board.ide_mode import QUERY_STATUS, STATUS, IdeModeError
from harness.board.lock import PortLock
from harness.board.port import SerialLine
from harness.errors import BoardError, UsageError
from tests.conftest import timed


def refusal(port: str) -> str:
    """Return why a board cannot be opened; its lock is free afterwards."""
    with pytest.raises(BoardError) as raised:
        Board.open(port, patience=1.0)
    with PortLock(port):
        return str(raised.value)


def test_a_port_that_is_not_there(tmp_path):
    assert "there is no port" in refusal(str(tmp_path / "ttyUSB9"))


def test_a_name_that_is_no_port(tmp_path):
    assert "no serial port" in refusal(str(tmp_path))
    assert "names no serial port" in refusal("nonsense://x")
    assert "cannot be opened" in refusal("socket://127.0.0.1:1")


def test_a_port_of_another_user(peer):
    port = peer().port
    if os.geteuid() == 0:
        Path(port).chmod(0o600)
        os.seteuid(65534)
    else:
        Path(port).chmod(0)
    try:
        with pytest.raises(BoardError, match="belongs to user"):
            SerialLine(port)
    finally:
        if os.getuid() == 0:
            os.seteuid(0)


def test_a_port_that_another_program_has_for_itself(peer):
    port = peer().port
    with serial.Serial(port, exclusive=True):
        assert "in use by another program" in refusal(port)


def test_a_port_that_another_harness_has(peer):
    port = peer().port
    with PortLock(port), pytest.raises(BoardError, match=r"is locked by .*process"):
        Board.open(port)


@timed
def test_a_silent_port(peer):
    started = time.monotonic()
    port = peer().port
    with pytest.raises(SilentBoardError, match="nothing answers"):
        Board.open(port, patience=2.0)
    assert 2.0 <= time.monotonic() - started < 5.0
    with PortLock(port):
        pass


def test_a_port_that_echoes(peer):
    assert "sends back what it gets" in refusal(peer(lambda data: data).port)


def test_a_port_with_something_else(peer):
    assert "no MicroPython" in refusal(peer(lambda data: b"login: \r\n").port)


def test_a_board_in_ide_mode(peer):
    # Only at its own speed does such a board understand anything.
    def answer(data):
        fast = termios.tcgetattr(ide.master)[4] == termios.B1500000
        return STATUS if fast and QUERY_STATUS in data else b""

    ide = peer(answer)
    with pytest.raises(IdeModeError, match="IDE mode"):
        Board.open(ide.port, patience=1.0)
    with PortLock(ide.port):
        pass


def test_a_board_that_is_pulled_out():
    master, far_end = os.openpty()
    with SerialLine(os.ttyname(far_end)) as line:
        os.close(far_end)
        os.close(master)
        with pytest.raises(BoardError, match="is gone"):
            line.read(1.0)


@timed
def test_a_read_keeps_its_limit(peer):
    with SerialLine(peer().port) as line:
        started = time.monotonic()
        assert line.read(0.2) == b""
        assert 0.2 <= time.monotonic() - started < 1.0


def test_dtr_and_rts_are_low_before_the_port_opens(monkeypatch, peer):
    seen = []
    before = serial.Serial.open

    def opening(port):
        seen.append((port.dtr, port.rts, port.exclusive))
        before(port)

    monkeypatch.setattr(serial.Serial, "open", opening)
    with SerialLine(peer().port):
        assert seen == [(False, False, True)]


@pytest.mark.parametrize("text", ["", "many", "3"])
def test_a_room_that_is_none_is_refused(monkeypatch, peer, text):
    monkeypatch.setenv("K210_BOARD_ROOM", text)
    with pytest.raises(UsageError, match="K210_BOARD_ROOM"):
        Board.open(peer().port)


def test_without_pyserial_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    monkeypatch.setitem(sys.modules, "serial.tools", None)
    for act in (lambda: SerialLine("/dev/ttyUSB0"), discovery.ports):
        with pytest.raises(BoardError, match="pyserial is not installed"):
            act()
